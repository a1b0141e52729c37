"""What the benchmarks time: Llamas of random parameters, or the demonstration."""

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
        model: in evaluation mode; see `HELD`.
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
    """Return a Llama with windows of 2,048, or `tiny-yue` with windows of 512."""
    if name == "tiny-yue":
        engine = _demonstration()
        return Subject(engine.model, engine.tokenizer, window=512, context=128)
    return Subject(LLAMAS[name](), tokenizer(), window=2048, context=512)


def load_bare(name: str) -> Any:
    """Return a model alone, to be given random ids of its vocabulary."""
    return _demonstration().model if name == "tiny-yue" else LLAMAS[name]()


def _demonstration() -> Any:
    from basegate import load_candidate

    folder = str(ROOT / "fixtures/demo/tiny-yue")
    return load_candidate(folder, quantization="none", dtype="float32")


def llama_134m() -> Any:
    """Return 12 layers of 768, context 2,048, float32, in evaluation mode."""
    import torch

    return _llama(torch.float32, width=768, inner=2048, layers=12, heads=12, groups=12)


def llama_6b() -> Any:
    """Return 6 billion parameters of Yi-6B's shape in NF4, computing in bfloat16."""
    import torch

    model = _llama(torch.bfloat16, width=4096, inner=11008, layers=32, heads=32, groups=4)
    return quantised(model)


LLAMAS = {"llama-134m": llama_134m, "llama-6b": llama_6b}
NAMES = (*LLAMAS, "tiny-yue")
SIZES = {**dict.fromkeys(LLAMAS, VOCABULARY), "tiny-yue": 2400}
"""Ids below these are drawn at random; the demonstration has some more."""
HELD = {"llama-134m": "float32", "llama-6b": "NF4, bfloat16", "tiny-yue": "float32"}


def _llama(dtype: Any, *, width: int, inner: int, layers: int, heads: int, groups: int) -> Any:
    """Return a Llama of random parameters on the device there is, vocabulary 32,000."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(
        hidden_size=width,
        intermediate_size=inner,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=groups,
        vocab_size=VOCABULARY,
        max_position_embeddings=2048,
        dtype=dtype,
    )
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        with torch.device("cuda" if torch.cuda.is_available() else "cpu"):
            return LlamaForCausalLM(config).eval()
    finally:
        torch.set_default_dtype(before)


def quantised(model: Any) -> Any:
    """Hold a model's linear layers, its head apart, in NF4 with double quantisation."""
    import torch
    from bitsandbytes.nn import Linear4bit, Params4bit

    for name, layer in list(model.model.named_modules()):
        if not isinstance(layer, torch.nn.Linear):
            continue
        held = Linear4bit(
            layer.in_features,
            layer.out_features,
            bias=False,
            compute_dtype=layer.weight.dtype,
            quant_type="nf4",
            device="meta",
        )
        weight = layer.weight.data
        held.weight = Params4bit(weight.cpu(), requires_grad=False, quant_type="nf4").to(
            weight.device
        )
        parent, _, own = name.rpartition(".")
        setattr(model.model.get_submodule(parent), own, held)
        layer.weight = None
    return model.eval()


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
