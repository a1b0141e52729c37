"""How a checkpoint is loaded."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import os, sys
from basegate.engines.checkpoints.model_config import LoadOptions, quantization_config
before = dict(os.environ)
quantization_config(LoadOptions("nf4", "bfloat16", "cpu"), None)
assert dict(os.environ) == before
assert "bitsandbytes" in sys.modules
assert "torch._inductor.compile_fx" not in sys.modules
"""


@pytest.mark.slow
@pytest.mark.parametrize("disabled", [{}, {"TORCHDYNAMO_DISABLE": "0"}])
def test_quantising_imports_no_compiler(monkeypatch, disabled):
    monkeypatch.delenv("TORCHDYNAMO_DISABLE", raising=False)
    for name, value in disabled.items():
        monkeypatch.setenv(name, value)
    subprocess.run([sys.executable, "-c", PROGRAM], check=True)
