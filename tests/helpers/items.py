"""Stand-ins for collected tests."""

from types import SimpleNamespace

import pytest

from basegate.config.registry import CandidateSpec

SPECS = {
    name: CandidateSpec(name=name, source=f"owner/{name}") for name in ("yi", "yi-6b", "other")
}


def make_item(name="test_perplexity", style="auto", **parameters):
    """Stand in for a collected test: pytest makes them only from files."""
    if "candidate" in parameters:
        parameters["candidate"] = SPECS.get(parameters["candidate"])
    item = SimpleNamespace(
        name=f"{name}[x]",
        originalname=name,
        stash=pytest.Stash(),
        user_properties=[],
        config=SimpleNamespace(option=SimpleNamespace(tbstyle=style)),
    )
    if parameters:
        item.callspec = SimpleNamespace(params=parameters)
    return item
