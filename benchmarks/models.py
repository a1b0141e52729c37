"""The synthetic model that the benchmarks time: a Llama of 134 million random parameters."""

from __future__ import annotations

from typing import Any


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
        vocab_size=32_000,
        max_position_embeddings=2048,
    )
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return LlamaForCausalLM(config).eval().to(device)
