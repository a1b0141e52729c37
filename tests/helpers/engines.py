"""An engine made of plain numbers, for tests of everything around the engine."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import numpy as np

from basegate.engines.batching import NO_CACHE
from basegate.engines.protocol import Draw, TokenScores, sample_seed
from basegate.serialization import digest


class PlainEngine:
    """Every character is a token of log-probability `logprob`; every sample says `text`."""

    prefix = "<s>"
    loaded = None
    batch_cache = NO_CACHE

    def __init__(self, name: str, logprob: float = -1.0, text: str = "A。我哋係香港人，2") -> None:
        self.name = name
        self.logprob = logprob
        self.text = text

    def log_likelihoods(self, texts, *, window=None, context=0, after=None, progress):
        with progress.task(self.name, len(texts), "window") as step:
            step(len(texts))
        return [
            TokenScores(np.full(len(text), self.logprob), np.arange(len(text))) for text in texts
        ]

    def sample(self, prompts, *, sampling, progress, numbers=None, is_final=None):
        log("draws", *map(str, map(len, numbers or [])))
        numbers = numbers or [range(sampling.samples)] * len(prompts)
        return [
            [Draw(self.text, sample_seed(sampling.seed, prompt, number)) for number in wanted]
            for prompt, wanted in zip(prompts, numbers, strict=True)
        ]

    def cached_samples(self, prompts, **given):
        return [[] for _ in prompts]

    def close(self):
        log("close", self.name)


class Hanging(PlainEngine):
    """Never comes back from sampling."""

    def sample(self, prompts, **given):
        log("hangs", self.name)
        time.sleep(3600)


class Slow(PlainEngine):
    """Samples for ever, and tells of every step."""

    def sample(self, prompts, *, progress, **given):
        with progress.task(self.name, 10**6, "sample") as step:
            while True:
                step()
                time.sleep(0.05)


class Dying(PlainEngine):
    """Takes its process with it when it samples, as a fault in a kernel does."""

    def sample(self, prompts, **given):
        os.kill(os.getpid(), signal.SIGKILL)


def log(*words: str) -> None:
    """Append a line to the file that `BASEGATE_TEST_LOG` names."""
    if path := os.environ.get("BASEGATE_TEST_LOG"):
        with Path(path).open("a") as file:
            print(*words, file=file)


class Batches:
    """Stands in for `BatchMemory`: passes of so many tokens, and as many rows as there are."""

    def __init__(self, tokens):
        self._tokens = tokens

    def tokens(self, longest, asked, head=None):
        return self._tokens

    def rows(self, tokens, asked, **_):
        return asked


def load(spec, revision, device, **_):
    """Stand in for `basegate.runner.candidate.load_engine`; what it loads depends on the name."""
    log("load", spec.name)
    log("pid", str(os.getpid()))
    if spec.name == "crash":
        os._exit(7)
    if spec.name == "oserror":
        raise FileNotFoundError(2, "No such file or directory", "weights")
    if spec.name == "bug":
        raise KeyError("a mistake in the program")
    if spec.name == "hang":
        return Hanging(spec.name)
    if spec.name == "slow":
        return Slow(spec.name)
    if spec.name == "dies":
        return Dying(spec.name)
    if spec.name == "nan":
        return PlainEngine(spec.name, logprob=float("nan"))
    if spec.name == "broken":
        return PlainEngine(spec.name, text="!" * 32)
    if spec.name == "script":
        return PlainEngine(spec.name, text="<script>alert(1)</script>\x1b[31m佢哋喺度")
    return PlainEngine(spec.name, logprob=-9.0 if spec.name == "bad" else -1.0)


def load_logged(spec, revision, device, *, window=None, budget=None, progress):
    """Load a real candidate that works in small batches and tells of every batch it does.

    `BASEGATE_TEST_OOM` is the number of the forward pass that does not fit into memory,
    `BASEGATE_TEST_ROWS` how many rows do, and `BASEGATE_TEST_FILE_SIZE` the most bytes of a file.
    """
    import resource

    import torch

    from basegate.engines import (
        batching as pieces,
        memory_budget as memory,
        window_scoring as article,
    )
    from basegate.runner.candidate import load_engine

    engine = load_engine(spec, revision, device, window=window, progress=progress)
    memory.BATCH_TOKENS["cpu"] = 512
    article.ARTICLE_BATCH = 4
    memory.BatchMemory.rows = lambda self, tokens, asked, **_: max(1, 24 * 80 // tokens)
    plain = pieces.get_or_compute

    def batch(cache, names, work, *further, **given):
        def told():
            log("batch", spec.name, digest(names)[:16])
            return work()

        return plain(cache, names, told, *further, **given)

    pieces.get_or_compute = batch
    place = int(os.environ.get("BASEGATE_TEST_OOM", "0"))
    rows = int(os.environ.get("BASEGATE_TEST_ROWS", "0")) or 10**9
    passes = iter(range(1, 10**9))

    def cramped(layer, given):
        if next(passes) == place or len(given[0]) > rows:
            raise torch.OutOfMemoryError("CUDA out of memory")

    # Every way through the model begins there.
    engine.model.get_input_embeddings().register_forward_pre_hook(cramped)
    if size := int(os.environ.get("BASEGATE_TEST_FILE_SIZE", "0")):
        # Of this process, which measures and stores; the one that reports writes larger ones.
        _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, most))
    return engine
