"""From a check to its measurement: out of the store, or measured now and stored."""

from __future__ import annotations

import time
import warnings
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from basegate.environment import environment, library_versions
from basegate.errors import InvalidMeasurement
from basegate.measurement import Measurement
from basegate.measures import measure_for
from basegate.measures.task import Task
from basegate.records import digest
from basegate.settings import without_places
from basegate.statistics import RESAMPLES, SEED
from basegate.stopping import ALL, Draws, is_enough

if TYPE_CHECKING:
    from collections.abc import Iterator

    from basegate.candidate import Candidate
    from basegate.engines.protocol import Engine
    from basegate.measurement import Findings
    from basegate.progress import Progress
    from basegate.store import Store
    from basegate.thresholds import Check


def obtain(
    candidate: Candidate,
    check: Check,
    store: Store,
    *,
    draws: Draws = ALL,
    remeasure: bool,
    progress: Progress,
) -> Measurement:
    """Return the measurement of a check, measuring only what the store lacks.

    Args:
        candidate: loaded only if something has to be measured.
        check: settings of the check; its limits are not looked at.
        store: where measurements are kept.
        draws: how many samples of a question are wanted.
        remeasure: measure even if the store has one.
        progress: told of the work.

    Raises:
        InvalidMeasurement: it could not be made, or is broken.
    """
    origin = identify(candidate, check)
    key = digest(origin)
    stored = None if remeasure else store.get(key)
    if stored is not None and is_enough(stored.findings, draws):
        # The key leaves names out: under another name it is the same measurement.
        return stored.model_copy(update={"item": check.item})
    if stored is not None:
        progress.say(
            f"{candidate.name}: {check.check} on {check.item}: the limit needs samples that were "
            f"not drawn before; they are drawn now."
        )
    measure = measure_for(check.check)
    # Data first: a wrong path should show before tens of gigabytes are loaded.
    data = measure.prepare(check.settings)
    engine = candidate.engine()
    start, retries = time.perf_counter(), engine.retries
    earlier = stored.findings if stored is not None else None
    findings = measure.measure(engine, Task(data, check.settings, progress, draws, earlier))
    seconds = time.perf_counter() - start
    for metric in findings.metrics:
        if metric.value is None and not metric.informative:
            raise InvalidMeasurement(
                f"{metric.name} is not a finite number: it is beyond what a number can hold, so "
                f"nothing can be held against a limit. The model's numbers broke: try another "
                f"--dtype or --quantization."
            )
    measurement = Measurement(
        key=key,
        check=check.check,
        item=check.item,
        candidate=candidate.facts(),
        findings=_noting(findings, engine, engine.retries - retries + _retries_of(earlier)),
        identity=origin,
        environment=environment(candidate.device),
        seconds=seconds + (stored.seconds if stored is not None else 0.0),
        measured_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    _keep(measurement, store)
    return measurement


def _retries_of(earlier: Findings | None) -> int:
    return int(earlier.facts.get("memory_retries") or 0) if earlier is not None else 0


def _noting(findings: Findings, engine: Engine, retries: int) -> Findings:
    """Add what every measurement says: the prefix, and what was unusual about it."""
    findings = findings.noting(*_about_files(engine), prefix=engine.prefix)
    if not retries:
        return findings
    times = "once" if retries == 1 else f"{retries} times"
    return findings.noting(
        f"a batch did not fit into memory and was halved, {times}; the numbers are not affected.",
        memory_retries=retries,
    )


def _about_files(engine: Engine) -> Iterator[str]:
    """Say which files a reader may want to trust less than safetensors."""
    if engine.loaded is None:
        return
    if engine.loaded.weights == "pickle":
        yield (
            "its weights are .bin files (pickle), read as numbers only: code in them would not "
            "have run."
        )
    if engine.loaded.code:
        yield "Python code of the checkpoint was run, as --trust-remote-code asked."


def _keep(measurement: Measurement, store: Store) -> None:
    try:
        store.put(measurement)
    except OSError as error:
        warnings.warn(
            f"the measurement of {measurement.candidate.name} on {measurement.item} could not be "
            f"kept in {store.folder} ({error.strerror}); it is judged now, and measured again by "
            f"the next run. Free some space, or give another --store.",
            stacklevel=2,
        )


def identify(candidate: Candidate, check: Check) -> dict[str, Any]:
    """Return everything that can change a measurement's numbers; limits cannot.

    Raises:
        InvalidMeasurement: candidate or data cannot be found.
    """
    spec = candidate.spec
    measure = measure_for(check.check)
    source = {} if spec.local else {"source": spec.source}
    return {
        "candidate": {
            **source,
            "revision": candidate.revision,
            "engine": spec.engine,
            "quantization": spec.quantization,
            "dtype": spec.dtype,
            "device": candidate.device,
            # Another program may compute other numbers from the same files.
            **({"remote_code": True} if spec.trusted else {}),
        },
        "measure": {"name": check.check, "version": measure.VERSION},
        "settings": without_places(check.settings),
        "data": measure.identity(check.settings),
        "libraries": library_versions(*measure.LIBRARIES),
        "bootstrap": {"resamples": RESAMPLES, "seed": SEED},
    }
