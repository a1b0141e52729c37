"""How many modules of basegate one perplexity check can reach by imports, and which.

The static closure from the plugin, this check, and the process that it is measured in, without the
other checks, pytest-xdist, the command line, and what only some candidates need: the architectures
of single families, the conversion of GGUF files.

    python -m benchmarks.imports [--list]
"""

from __future__ import annotations

import argparse

import grimp

START = ("basegate.plugin", "basegate.checks.perplexity", "basegate.runner.worker")
WITHOUT = (
    *("basegate.checks.continuation", "basegate.checks.knowledge", "basegate.checks.reasoning"),
    *("basegate.checks.minimal_pairs", "basegate.checks.option_likelihood"),
    *("basegate.plugin.xdist", "basegate.cli"),
    *("basegate.engines.architectures.qwen", "basegate.engines.architectures.chatglm"),
    "basegate.engines.gguf",
)


def closure() -> set[str]:
    """The modules that are reached; what only a type checker imports is left out."""
    graph = grimp.build_graph("basegate", exclude_type_checking_imports=True)
    found: set[str] = set()
    waiting = list(START)
    while waiting:
        module = waiting.pop()
        if module in found or module.startswith(WITHOUT):
            continue
        found.add(module)
        waiting += graph.find_modules_directly_imported_by(module)
        # Importing a module runs its packages, too.
        waiting += [package for package in [module.rpartition(".")[0]] if package]
    return found


def main() -> None:
    """Print the count, and the modules if they are asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--list", action="store_true", help="name the modules")
    found = closure()
    graph = grimp.build_graph("basegate")
    if parser.parse_args().list:
        print("\n".join(sorted(found)))
    print(f"one perplexity check reaches {len(found)} of {len(graph.modules)} modules")


if __name__ == "__main__":
    main()
