"""Colours that are told apart with any colour vision (Okabe and Ito, 2008)."""

BLUE, RED, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#6E6E6E"
_OTHERS = ("#E69F00", "#56B4E9", "#CC79A7", "#000000")
CLASSES = (BLUE, RED, GREEN, *_OTHERS)


def class_colours(number: int) -> list[str]:
    """A colour a class; from the eighth on they come from an even map."""
    if number <= len(CLASSES):
        return list(CLASSES[:number])
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    return [to_hex(colormaps["viridis"](i / (number - 1))) for i in range(number)]
