"""What the article published on its six models, for comparison with a run's own numbers.

Source: Joseph Cheng, 調教大語言模型三步曲之一：揀預訓練模型, 2023-12-18.
"""

from __future__ import annotations

from typing import NamedTuple

from basegate.i18n.messages import Message


class Published(NamedTuple):
    """What the article says of one model; of several answers it shows the best."""

    perplexity: str
    knows: bool
    reasons: bool
    broken: str = ""


QUESTION, PROBLEM = "chief-executive", "article"
"""Their ids in the banks that come with the suite."""

_NOT_A_BAD_MODEL = Message(
    "worse than guessing every token alike: a numerically unstable run, not a bad model"
)

PUBLISHED: dict[str, Published] = {
    "01-ai/Yi-6B": Published("81.5", True, True),
    "01-ai/Yi-34B": Published("55.2", True, True),
    "THUDM/chatglm3-6b-base": Published("inf", True, True, _NOT_A_BAD_MODEL),
    "Qwen/Qwen-7B": Published("880640", True, False, _NOT_A_BAD_MODEL),
    "meta-llama/Llama-2-7b-hf": Published("37.2", False, False),
    "indiejoseph/cantonese-llama-2-7b": Published("22.9", False, False),
}
"""By hub id."""
