"""Running summaries of irregular signals look back only, and are those of the values seen so far."""

import numpy as np

from benchmarks._summaries import SUMMARIES, running_summaries


def test_summaries_are_those_of_the_values_so_far() -> None:
    random = np.random.default_rng(0)
    signals = random.normal(size=(5, 20, 3)).astype(np.float32)
    signals[random.random(signals.shape) < 0.6] = np.nan
    hours = np.array([3, 9, 19])
    found = running_summaries(signals, hours, window=4).reshape(5, 3, len(SUMMARIES), 3)
    for (stay, place, signal), _ in np.ndenumerate(found[:, :, 0]):
        so_far = signals[stay, : hours[place] + 1, signal]
        own, late = so_far[~np.isnan(so_far)], so_far[-4:][~np.isnan(so_far[-4:])]
        nothing = np.nan
        expected = [
            own[-1] if len(own) else nothing,
            own.mean() if len(own) else nothing,
            own.min() if len(own) else nothing,
            own.max() if len(own) else nothing,
            late.mean() if len(late) else nothing,
            np.log1p(len(own)),
        ]
        # sums of a few float32 numbers
        np.testing.assert_allclose(found[stay, place, :, signal], expected, rtol=1e-5, atol=1e-6)
