"""Names of sites, put together from parts."""

from typing import Any

from pyro.poutine.messenger import Messenger


class Prefix(Messenger):
    """Put ``prefix/`` in front of the names of sites; the plate of tasks, named already, keeps its name.

    (Pyro's `scope` would rename the plate's own site and not the sites' record of it.)
    """

    def __init__(self, prefix: str, plate: str) -> None:
        super().__init__()
        self.prefix, self.plate = prefix, plate

    def _pyro_sample(self, msg: dict[str, Any]) -> None:
        if msg["name"] != self.plate:
            msg["name"] = f"{self.prefix}/{msg['name']}"
