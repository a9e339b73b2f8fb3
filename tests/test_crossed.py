"""Every combination has its turn."""

import pytest

from tests import crossed as module


def test_as_many_turns_as_there_are_parts_run_everything_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ALL", False)
    for lists in ([range(7)], ["abcd", range(5)]):
        ran = []
        for turn in (364, 365, 366):
            monkeypatch.setattr(module, "TURN", turn)
            own = [param.values for param in module.crossed(*lists) if not param.marks]
            # of two lists, each member is in every run
            assert len(lists) == 1 or all({v[i] for v in own} == set(lists[i]) for i in (0, 1))
            ran += own
        monkeypatch.setattr(module, "ALL", True)
        assert sorted(ran) == sorted(param.values for param in module.crossed(*lists) if not param.marks)
        monkeypatch.setattr(module, "ALL", False)
