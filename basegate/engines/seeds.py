"""Where the random draws of a sample come from."""

from __future__ import annotations

import hashlib


def sample_seed(seed: int, prompt: str, index: int) -> int:
    """Return the seed of one sample: 63 bits of the run's seed, the prompt and its number.

    It does not depend on the other prompts, so that adding a question leaves the draws of the
    others as they were.
    """
    text = f"{seed}\n{index}\n{prompt}".encode()
    return int.from_bytes(hashlib.sha256(text).digest()[:8], "big") >> 1
