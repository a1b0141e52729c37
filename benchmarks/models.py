"""What the benchmarks time: a Llama of 134 million random parameters, or the demonstration."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
VOCABULARY = 32_000
FIRST = 5
"""Random ids begin here: those below are special tokens, and room for more."""
UNK, BOS, EOS = 0, 1, 2


@dataclass(frozen=True)
class Subject:
    """A model to time.

    Attributes:
        model: in evaluation mode, float32.
        tokenizer: adds no special tokens by itself, or is asked not to.
        window: tokens that the model sees at once.
        context: tokens before every scored token.
    """

    model: Any
    tokenizer: Any
    window: int
    context: int

    @property
    def device(self) -> str:
        """`cuda` or `cpu`."""
        kind: str = self.model.device.type
        return kind

    @property
    def prefix(self) -> int:
        """The id before every window: the beginning of a text."""
        bos: int = self.tokenizer.bos_token_id
        return bos

    def encode(self, text: str) -> list[int]:
        """Return the ids of a text, without prefix."""
        ids: list[int] = self.tokenizer.encode(text, add_special_tokens=False)
        return ids


def load(name: str) -> Subject:
    """Return `llama-134m` with windows of 2,048, or `tiny-yue` with windows of 512."""
    if name == "tiny-yue":
        engine = _demonstration()
        return Subject(engine.model, engine.tokenizer, window=512, context=128)
    return Subject(llama(), tokenizer(), window=2048, context=512)


def load_bare(name: str) -> Any:
    """Return a model alone, to be given random ids of its vocabulary."""
    return _demonstration().model if name == "tiny-yue" else llama()


def _demonstration() -> Any:
    from basegate import load_candidate

    folder = str(ROOT / "fixtures/demo/tiny-yue")
    return load_candidate(folder, quantization="none", dtype="float32")


NAMES = ("llama-134m", "tiny-yue")
SIZES = {"llama-134m": VOCABULARY, "tiny-yue": 2400}
"""Ids below these are drawn at random; the demonstration has some more."""


def llama() -> Any:
    """Return 12 layers of 768, vocabulary 32,000, context 2,048, float32, in evaluation mode."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(
        hidden_size=768,
        intermediate_size=2048,
        num_hidden_layers=12,
        num_attention_heads=12,
        num_key_value_heads=12,
        vocab_size=VOCABULARY,
        max_position_embeddings=2048,
    )
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return LlamaForCausalLM(config).eval().to(device)


def tokenizer() -> Any:
    """Return a tokenizer for which the text of id i is the word `t{i}`.

    lm-evaluation-harness takes text; with this, a text has exactly the tokens it was made of.
    """
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import WhitespaceSplit
    from transformers import PreTrainedTokenizerFast

    special = {"<unk>": UNK, "<s>": BOS, "</s>": EOS}
    words = {f"t{index}": index for index in range(len(special), VOCABULARY)}
    found = Tokenizer(WordLevel({**special, **words}, unk_token="<unk>"))
    found.pre_tokenizer = WhitespaceSplit()
    return PreTrainedTokenizerFast(
        tokenizer_object=found, unk_token="<unk>", bos_token="<s>", eos_token="</s>"
    )


def words(ids: list[int]) -> str:
    """Return the text of ids for `tokenizer`."""
    return " ".join(f"t{index}" for index in ids)


def random_ids(seed: int, *lengths: int, below: int = VOCABULARY) -> list[list[int]]:
    """Return random ids below a number in rows of these lengths, the same every time."""
    import torch

    torch.manual_seed(seed)
    return [torch.randint(FIRST, below, (length,)).tolist() for length in lengths]
