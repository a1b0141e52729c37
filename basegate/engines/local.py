"""Local weights through transformers, quantised by bitsandbytes while they load."""

from __future__ import annotations

import logging
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import transformers
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    BitsAndBytesConfig,
    GenerationConfig,
)

from basegate.engines.checkpoint import (
    check_architecture,
    check_files,
    context_length,
    read_config,
)
from basegate.engines.drawing import Asked, Sampler
from basegate.engines.protocol import Draw, TokenScores
from basegate.engines.scoring import Scorer
from basegate.engines.seeds import sample_seed
from basegate.environment import resolve_device
from basegate.errors import CandidateError, UsageError
from basegate.hub import COMMIT, download_model, resolve_commit
from basegate.memory import release_memory
from basegate.progress import SILENT
from basegate.windows import plan_windows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from basegate.progress import Progress
    from basegate.settings import Sampling

# Its notes on absent kernels and on casts come once per layer and token.
logging.getLogger("bitsandbytes").setLevel(logging.ERROR)

BATCH_TOKENS = {"cuda": 16384, "cpu": 2048}


class TransformersEngine:
    """A causal language model and its tokenizer.

    Attributes:
        model: the transformers model; `None` once closed.
        tokenizer: its tokenizer.
        prefix: ids before every window and prompt: what the tokenizer puts there by itself (BOS
            or the like), or the document separator where it puts nothing.
    """

    def __init__(self, name: str, model: Any, tokenizer: Any, context: int | None) -> None:
        self.name = name
        self.model = model
        self.tokenizer = tokenizer
        self.context_length = context
        self.prefix = _prefix(tokenizer, name)
        self._sampler = Sampler(model, _stop_tokens(model, tokenizer), self._decode)
        # The checkpoint's generation defaults (a repetition penalty, say) would fill whatever
        # the gate leaves unset: only where it stops is taken from them.
        model.generation_config = GenerationConfig()

    def log_likelihoods(
        self,
        texts: Sequence[str],
        *,
        window: int,
        context: int,
        progress: Progress = SILENT,
    ) -> list[TokenScores]:
        """Score every token of every text once; see `Engine.log_likelihoods`."""
        self._check_window(window, context)
        encoded = [self._encode(text) for text in texts]
        plans = [
            plan_windows(len(ids), window=window, context=context, prefix=len(self.prefix))
            for ids, _ in encoded
        ]
        scorer = Scorer(self.model, self.prefix, BATCH_TOKENS[self.model.device.type])
        total = sum(map(len, plans))
        with progress.task(f"{self.name}: scoring", total, "window") as step:
            scores = scorer.score([ids for ids, _ in encoded], plans, step)
        return [
            TokenScores(logprobs, starts, self._lost(text, ids))
            for text, logprobs, (ids, starts) in zip(texts, scores, encoded, strict=True)
        ]

    def sample(
        self,
        prompts: Sequence[str],
        *,
        sampling: Sampling,
        settled: Sequence[Callable[[str], bool]] | None = None,
        progress: Progress = SILENT,
    ) -> list[list[Draw]]:
        """Draw continuations of every prompt in batches; see `Engine.sample`."""
        asked = [
            Asked(
                [*self.prefix, *self._encode(prompt)[0]],
                [sample_seed(sampling.seed, prompt, index) for index in range(sampling.samples)],
                settled[place] if settled is not None else None,
            )
            for place, prompt in enumerate(prompts)
        ]
        self._check_room(asked, sampling.max_new_tokens)
        with progress.task(
            f"{self.name}: writing", len(prompts) * sampling.samples, "sample"
        ) as step:
            drawn = self._sampler.draw(asked, sampling, step)
        return [
            [Draw(self._decode(ids), seed) for ids, seed in zip(rows, each.seeds, strict=True)]
            for rows, each in zip(drawn, asked, strict=True)
        ]

    def close(self) -> None:
        """Free the model's memory."""
        self.model = self._sampler.model = None
        release_memory()

    def _encode(self, text: str) -> tuple[list[int], NDArray[np.int64] | None]:
        fast = bool(self.tokenizer.is_fast)
        # Text is text: `<s>` in it is three characters, not the beginning of a document.
        encoded = self.tokenizer(
            text,
            add_special_tokens=False,
            split_special_tokens=True,
            return_offsets_mapping=fast,
            verbose=False,
        )
        starts = np.array([start for start, _ in encoded["offset_mapping"]]) if fast else None
        return list(encoded["input_ids"]), starts

    def _lost(self, text: str, ids: list[int]) -> int:
        """Count the characters, white space apart, that decoding the tokens does not give back."""
        decoded = self.tokenizer.decode(
            ids, skip_special_tokens=False, clean_up_tokenization_spaces=False
        )
        if decoded == text:
            return 0
        return (_ink(text) - _ink(decoded)).total()

    def _check_window(self, window: int, context: int) -> None:
        if self.context_length is not None and window > self.context_length:
            raise CandidateError(
                f"[perplexity] window = {window} is longer than the {self.context_length} tokens "
                f"that {self.name} was made for; beyond them its numbers mean nothing. Lower "
                f"window, which holds for every candidate, so that all are compared alike."
            )
        if window - len(self.prefix) - context < 1:
            raise CandidateError(
                f"[perplexity] window = {window} and context = {context} leave nothing to score "
                f"beside {self.name}'s prefix of {len(self.prefix)} tokens. Raise window."
            )

    def _check_room(self, asked: Sequence[Asked], max_new_tokens: int) -> None:
        longest = max(len(each.ids) for each in asked)
        if self.context_length is not None and longest + max_new_tokens > self.context_length:
            raise CandidateError(
                f"a prompt of {longest} tokens and max_new_tokens = {max_new_tokens} do not fit "
                f"into the {self.context_length} tokens that {self.name} was made for."
            )

    def _decode(self, ids: list[int]) -> str:
        text: str = self.tokenizer.decode(
            ids, skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return text


def load_candidate(
    source: str,
    *,
    name: str | None = None,
    quantization: str = "nf4",
    dtype: str | None = None,
    device: str = "auto",
    revision: str | None = None,
    trust_remote_code: bool = False,
) -> TransformersEngine:
    """Load a base model and its tokenizer.

    Args:
        source: a local folder or a hub id.
        name: what to call it in messages; the source by default.
        quantization: `nf4`, `fp4`, `int8` or `none`.
        dtype: `bfloat16` (the default), `float16` or `float32`, for the computation and for
            weights that are not quantised.
        device: `auto`, `cuda` or `cpu`.
        revision: branch, tag or commit of a hub id.
        trust_remote_code: run Python code that the checkpoint brings; needs a full commit as
            `revision`, so that the code is the one that was looked at.

    Raises:
        CandidateError: it cannot be found or loaded; the message says what to do.
        UsageError: the arguments do not go together.
    """
    if trust_remote_code and not (revision and COMMIT.fullmatch(revision)):
        raise UsageError(
            "trust_remote_code needs revision = a full commit: code that may change tomorrow "
            "cannot be trusted today."
        )
    folder = Path(source).expanduser()
    if not folder.exists():
        folder = download_model(source, resolve_commit("model", source, revision))
    config = read_config(folder)
    if not trust_remote_code:
        check_architecture(config, folder)
    check_files(folder)
    kind = resolve_device(device)
    label = name or source
    with _quiet():
        tokenizer = _load_tokenizer(folder, trust_remote_code)
        model = _load_model(folder, quantization, dtype or "bfloat16", kind, trust_remote_code)
    return TransformersEngine(label, model, tokenizer, context_length(config))


def quantization_config(quantization: str, dtype: torch.dtype) -> BitsAndBytesConfig | None:
    """Return how bitsandbytes holds the weights; `None` for `none`.

    `nf4` and `fp4`: 4 bits, double quantisation. `int8`: LLM.int8().
    """
    if quantization == "none":
        return None
    if quantization == "int8":
        return BitsAndBytesConfig(load_in_8bit=True)
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type=quantization,
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=dtype,
    )


class _quiet:
    """Keep transformers' bars and notes off the terminal while loading."""

    def __enter__(self) -> None:
        self.level = transformers.logging.get_verbosity()
        transformers.logging.set_verbosity_error()
        transformers.logging.disable_progress_bar()

    def __exit__(self, *_: object) -> None:
        transformers.logging.set_verbosity(self.level)
        transformers.logging.enable_progress_bar()


def _load_tokenizer(folder: Path, trust_remote_code: bool) -> Any:
    try:
        return AutoTokenizer.from_pretrained(
            str(folder), trust_remote_code=trust_remote_code, local_files_only=True
        )
    except Exception as error:
        raise CandidateError(
            f"{folder}: its tokenizer could not be loaded ({_summary(error)}). Check the "
            f"tokenizer's files, or fetch them again."
        ) from error


def _load_model(
    folder: Path, quantization: str, dtype: str, kind: str, trust_remote_code: bool
) -> Any:
    number_type: torch.dtype = getattr(torch, dtype)
    loaded: Any
    try:
        loaded = AutoModelForCausalLM.from_pretrained(
            str(folder),
            quantization_config=quantization_config(quantization, number_type),
            dtype=number_type,
            device_map="auto" if kind == "cuda" else {"": "cpu"},
            trust_remote_code=trust_remote_code,
            local_files_only=True,
            output_loading_info=True,
        )
    except Exception as error:
        raise CandidateError(f"{folder}: {_why_not_loaded(error)}") from error
    model, info = loaded
    _check_complete(folder, info)
    _check_placed(folder, model, kind)
    return model.eval()


def _why_not_loaded(error: Exception) -> str:
    """Say what kept the weights from loading, and what to do."""
    if "ignore_mismatched_sizes" in str(error):
        return (
            "config.json does not fit the weights: some have other shapes than it says. The files "
            "are of different models: fetch the checkpoint again."
        )
    if type(error).__name__ == "SafetensorError":
        return f"a file of weights is damaged ({_summary(error)}). Fetch the checkpoint again."
    return (
        f"its weights could not be loaded ({_summary(error)}). Check that the checkpoint is whole "
        f"and that transformers {transformers.__version__} knows its kind."
    )


def _check_complete(folder: Path, info: dict[str, Any]) -> None:
    """Refuse a model some of whose weights were not in the files: they would be random."""
    missing = sorted(map(str, [*info.get("missing_keys", ()), *info.get("mismatched_keys", ())]))
    if missing:
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        raise CandidateError(
            f"{folder}: the files lack weights that the model needs ({', '.join(missing[:3])}"
            f"{more}); they would be random numbers. Fetch the checkpoint again."
        )


def _check_placed(folder: Path, model: Any, kind: str) -> None:
    """Refuse a model of which a part landed beside the GPUs: its numbers would take days."""
    places = set(map(str, (getattr(model, "hf_device_map", None) or {}).values()))
    if kind == "cuda" and places & {"cpu", "disk"}:
        raise CandidateError(
            f"{folder}: the model does not fit into the memory of the GPUs here. Use a larger "
            f"GPU, or a smaller --quantization."
        )


def _prefix(tokenizer: Any, name: str) -> list[int]:
    """Return the ids that the tokenizer puts before a text, or the document separator."""
    bare = tokenizer("a", add_special_tokens=False)["input_ids"]
    whole = tokenizer("a")["input_ids"]
    prefix = _before(whole, bare)
    if prefix:
        return prefix
    for separator in (tokenizer.eos_token_id, tokenizer.bos_token_id):
        if separator is not None:
            return [int(separator)]
    raise CandidateError(
        f"{name}: its tokenizer has neither a prefix nor an end-of-text token, so the first token "
        f"of a text cannot be scored."
    )


def _stop_tokens(model: Any, tokenizer: Any) -> list[int]:
    """Return the ids that end a text, by the checkpoint's own word or its tokenizer's."""
    own = getattr(model.generation_config, "eos_token_id", None)
    stops = own if own is not None else tokenizer.eos_token_id
    if stops is None:
        return []
    return [int(stop) for stop in stops] if isinstance(stops, list | tuple) else [int(stops)]


def _before(whole: Sequence[int], part: Sequence[int]) -> list[int]:
    """Return what stands before `part` in `whole`."""
    for start in range(len(whole) - len(part) + 1):
        if list(whole[start : start + len(part)]) == list(part):
            return list(whole[:start])
    return []


def _ink(text: str) -> Counter[str]:
    return Counter(char for char in text if not char.isspace())


def _summary(error: Exception) -> str:
    """Return the first sentence of an error that a library wrote, without its advice."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = lines[0] if lines else ""
    return f"{type(error).__name__}: {text[:200]}"
