"""Runs tasks by Harbor in Docker and checks the rewards of three patches: FOLDER [--open-network] [TASK...].

The folder was written with `--solution`. The gold patch is what Harbor's oracle applies, the empty one what its agent
leaves that does nothing; the wrong one is a solution that adds a file, in a copy of the task. Harbor keeps a task off
the network by a kernel and an image that not every machine has; `--open-network` runs copies that may use it.
"""

import asyncio
import shutil
import sys
import tempfile
import time
from pathlib import Path

from harbor.models.trial.config import AgentConfig, EnvironmentConfig, TaskConfig, TrialConfig
from harbor.trial.trial import Trial


async def run(task, agent, trials):
    config = TrialConfig(
        task=TaskConfig(path=task),
        trials_dir=trials,
        agent=AgentConfig(name=agent),
        environment=EnvironmentConfig(type="docker"),
    )
    trial = await Trial.create(config)
    result = await trial.run()
    if result.verifier_result is None:
        print(task.name, agent, "no verdict:", result.exception_info, "in", trials)
        return None
    return result.verifier_result.rewards


async def main():
    folder = Path(sys.argv[1]).resolve()
    tasks = sorted(path.parent for path in folder.glob("*/task.toml"))
    is_open = "--open-network" in sys.argv
    wanted = [name for name in sys.argv[2:] if name != "--open-network"]
    trials = Path(tempfile.mkdtemp(prefix="trials-", dir=folder.parent))
    wrong = 0
    for task in tasks:
        if wanted and task.name not in wanted:
            continue
        copies = Path(tempfile.mkdtemp(prefix="copies-", dir=folder.parent))
        gold, other = copies / "gold" / task.name, copies / "wrong" / task.name
        for copy in (gold, other):
            shutil.copytree(task, copy)
            if is_open:
                tables = copy / "task.toml"
                tables.write_text(tables.read_text().replace('network_mode = "no-network"', 'network_mode = "public"'))
        solve = other / "solution" / "solve.sh"
        root = solve.read_text().splitlines()[1].split(" && ")[0]
        solve.write_text(f"#!/bin/bash\n{root} && echo wrong > wrong.txt && git add wrong.txt && git commit -qm wrong\n")
        for what, path, agent, expected in [
            ("gold", gold, "oracle", {"reward": 1}),
            ("empty", gold, "nop", {"reward": 0}),
            ("wrong", other, "oracle", {"reward": 0}),
        ]:
            begun = time.monotonic()
            rewards = await run(path, agent, trials)
            said = "as expected" if rewards == expected else f"not {expected}"
            wrong += rewards != expected
            print(f"{task.name} {what}: {rewards} ({said}), {time.monotonic() - begun:.1f} s", flush=True)
        shutil.rmtree(copies)
    print("trials are in", trials)
    sys.exit(1 if wrong else 0)


asyncio.run(main())
