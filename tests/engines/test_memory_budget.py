"""A budget that batches keep to by calculation."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest

import basegate
from basegate.engines import memory_budget as budgets
from basegate.engines.lm_head import LMHead
from basegate.engines.memory_budget import GIB, BatchMemory, memory_budget
from basegate.errors import CandidateError
from basegate.progress import SILENT


@pytest.fixture
def machine(monkeypatch):
    """Let a machine have so many GiB free, the process holding one."""

    def have(free):
        monkeypatch.setattr(budgets, "free_memory", lambda device: free and int(free * GIB))
        monkeypatch.setattr(budgets, "memory_held", lambda device: GIB)

    return have


@pytest.mark.parametrize(
    ("device", "free", "asked", "limit"),
    [
        ("cpu", 10, None, 9),  # 2 GiB are kept, 1 is held
        ("cpu", 3, None, 2.5),  # or half of what is free
        ("cpu", 10, 4, 4),
        ("cpu", 10, 40, 11),  # no more than there is
        ("cpu", None, 4, 4),
        ("cuda", 10, None, 11),
        ("cuda", 10, 6, 6),
    ],
)
def test_what_a_candidate_may_take(machine, device, free, asked, limit):
    machine(free)
    found = memory_budget(device, asked)
    assert (found.device, found.limit) == (device, int(limit * GIB))
    assert found.asked == (asked == limit), "more than there is is not what limits it"
    assert found.most == (free and (free + 1) * GIB)
    assert found.room() == int((limit - 1) * GIB)


def test_nobody_knows_what_is_free(machine):
    machine(None)
    assert memory_budget("cpu").room() is None


@pytest.fixture(scope="module")
def engine(checkpoint):
    engine = basegate.load_candidate(
        str(checkpoint), quantization="none", dtype="float32", device="cpu"
    )
    yield engine
    engine.close()


def batches(engine, working):
    memory = BatchMemory(engine.model)
    memory.working = working
    return memory


def test_rows_are_counted_from_cache_logits_and_work(engine):
    """In float32: 2 layers of keys and values of 2 heads of 32 numbers; widest layer 64 to 128."""
    cache = 2 * 2 * 2 * 32 * 4 * 40
    layer = 4 * 4 * (64 + 128) + 8 * 40
    head = 4 * 4 * engine.model.config.vocab_size + 2 * 40 * 2 * 32 * 4
    memory = batches(engine, 10 * (cache + layer + head))
    assert memory.rows(40, 100) == 10
    assert memory.rows(40, 10**4, logits=0) == 10 * (cache + layer + head) // (
        cache + layer + head - 4 * 4 * engine.model.config.vocab_size
    )
    assert batches(engine, 1).rows(40, 100) == 1, "one row is refused before, not here"


@pytest.mark.parametrize("working", [1, 10**5, 10**9])
def test_a_pass_has_at_least_one_row_and_no_more_than_is_worth_it(engine, working):
    memory = batches(engine, working)
    assert 40 <= memory.tokens(40, 10**6, LMHead(engine.model)) <= budgets.BATCH_TOKENS["cpu"]


def test_logits_of_every_position_count_where_the_whole_model_is_run(engine):
    head, whole = LMHead(engine.model), LMHead(engine.model)
    whole._logits = None
    memory = batches(engine, 4 * 2**20)
    assert memory.tokens(40, 10**6, whole) < memory.tokens(40, 10**6, head)


def test_the_largest_buffer_is_named(engine):
    memory = batches(engine, 10**8)
    largest = max(each.nbytes for each in engine.model.parameters())
    assert (memory.largest.kind, memory.largest.bytes) == ("one of the weights", largest)
    memory.rows(2, 3, logits=0)
    assert memory.largest.kind == "one of the weights", "three rows are all there are"
    memory.rows(100, 10**6, logits=0)
    assert memory.largest.kind == "KV cache"
    assert memory.largest.bytes > largest


def test_a_budget_in_which_nothing_fits_is_refused_before_loading(checkpoint, tmp_path):
    folder = shutil.copytree(checkpoint, tmp_path / "copy")
    (folder / "model.safetensors").write_bytes(b"no weights at all")
    with pytest.raises(CandidateError) as caught:
        basegate.load_candidate(str(folder), name="one", device="cpu", memory=0.01)
    message = str(caught.value)
    assert message.startswith("one does not fit. It needs ")
    assert "0.0 MiB are left of the 10.2 MiB of --memory (libraries take the rest)" in message
    assert "work on one sequence, logits included: " in message
    assert "Nothing was loaded. Use a machine" in message
    enough = float(message.split("--memory=")[1].split(" would do")[0])
    assert 0.1 < enough < 3


WIDE = """
import json, sys
from pathlib import Path
import torch
import basegate
from basegate.config.settings import Sampling
from basegate.engines.devices import peak_memory
from basegate.progress import SILENT

engine = basegate.load_candidate(sys.argv[1], quantization="none", dtype="float32", device="cpu",
                                 memory=float(sys.argv[2]))
texts = ["香港係我哋嘅屋企。" * 30] * 8
sampling = Sampling(samples=10, temperature=1.0, top_k=50, max_new_tokens=6, seed=1)
drawn = engine.sample([text[:40] for text in texts], sampling=sampling, progress=SILENT)
scores = engine.log_likelihoods(texts, window=128, context=16, progress=SILENT)
after = engine.log_likelihoods(["屋企", "唔係"] * 8, progress=SILENT,
                               after=[text[:60] for text in texts for _ in range(2)])
print(json.dumps({
    "peak": peak_memory("cpu"), "limit": engine.memory_limit,
    "largest": engine.largest_buffer.kind,
    "texts": [[draw.text for draw in row] for row in drawn],
    "scores": [each.logprobs.tolist() for each in [*scores, *after]],
}))
"""


@pytest.fixture(scope="module")
def wide(tmp_path_factory):
    """A small model of a vocabulary of 200,000: logits of a step are 0.8 MB a row."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from tests.helpers.checkpoints import make_tokenizer

    folder = tmp_path_factory.mktemp("wide")
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=200_000, hidden_size=32, intermediate_size=64, num_hidden_layers=2,
        num_attention_heads=2, max_position_embeddings=128, tie_word_embeddings=True,
    )  # fmt: skip
    model = LlamaForCausalLM(config)
    tokenizer = make_tokenizer()
    with torch.no_grad():
        # Tokens without a text are never drawn.
        model.get_input_embeddings().weight[len(tokenizer) :] = 0
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def run(folder, gib):
    done = subprocess.run(
        [sys.executable, "-c", WIDE, str(folder), str(gib)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.slow
def test_a_process_keeps_within_its_budget_and_finds_the_same(wide):
    narrow, roomy = run(wide, 0.75), run(wide, 3)
    assert narrow["limit"] == int(0.75 * GIB)
    assert narrow["peak"] <= narrow["limit"]
    assert roomy["peak"] <= roomy["limit"]
    assert narrow["texts"] == roomy["texts"], "a draw does not depend on its batch"
    for one, other in zip(narrow["scores"], roomy["scores"], strict=True):
        assert one == pytest.approx(other, abs=1e-5)


def test_a_scorer_keeps_to_the_calculated_batches(engine, monkeypatch):
    fed = []
    embeddings = engine.model.get_input_embeddings()
    hook = embeddings.register_forward_pre_hook(lambda layer, given: fed.append(given[0].numel()))
    monkeypatch.setattr(BatchMemory, "tokens", lambda *_: 96)
    engine.log_likelihoods(["香港係我哋嘅屋企。" * 20], window=32, context=4, progress=SILENT)
    hook.remove()
    assert max(fed) == 96
