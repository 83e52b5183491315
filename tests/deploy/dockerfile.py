"""The steps of a Dockerfile, and a build of them without a container engine.

`python -m tests.deploy.dockerfile BASE FOLDER`, as root: BASE is the root file system of the base image (Debian with a
`python` in /usr/local/bin), FOLDER an empty one for the stages. RUN is executed in a chroot with the stage's ENV alone.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
FILE = ROOT / "deploy" / "Dockerfile"
IGNORE = ROOT / ".dockerignore"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass
class Stage:
    image: str
    name: str
    steps: list[tuple[str, str]] = field(default_factory=list)

    def values(self, instruction: str) -> list[str]:
        return [value for name, value in self.steps if name == instruction]

    def env(self) -> dict[str, str]:
        assignments = [part for value in self.values("ENV") for part in shlex.split(value)]
        return dict(part.split("=", 1) for part in assignments)


def stages() -> list[Stage]:
    """Parse deploy/Dockerfile; continued lines are joined."""
    found: list[Stage] = []
    lines = [line for line in FILE.read_text().splitlines() if line and not line.lstrip().startswith("#")]
    for line in re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines():
        instruction, value = line.split(None, 1)
        if instruction == "FROM":
            image, _, name = value.partition(" AS ")
            found.append(Stage(image, name))
        else:
            found[-1].steps.append((instruction, value))
    return found


def context() -> Iterator[Path]:
    """Yield the files of the build context: .dockerignore excludes everything but its lines with `!`."""
    kept = [line[1:] for line in IGNORE.read_text().splitlines() if line.startswith("!")]
    for top in kept:
        for path in [ROOT / top, *(ROOT / top).rglob("*")]:
            if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc":
                yield path.relative_to(ROOT)


def build(base: Path, folder: Path) -> Path:
    """Build all stages below `folder`; return the root file system of the last one."""
    roots: dict[str, Path] = {}
    for number, stage in enumerate(stages()):
        root = folder / (stage.name or str(number))
        subprocess.run(["cp", "-a", "--reflink=auto", str(base), str(root)], check=True)
        roots[stage.name] = root
        workdir, environment = "/", {"PATH": PATH, "HOME": "/root"}
        for instruction, value in stage.steps:
            print(f"{instruction} {value[:100]}", flush=True)
            if instruction == "WORKDIR":
                workdir = value
                (root / value.lstrip("/")).mkdir(parents=True, exist_ok=True)
            elif instruction == "ENV":
                environment |= dict(part.split("=", 1) for part in shlex.split(value))
            elif instruction == "COPY":
                _copy(value, root, workdir, roots)
            elif instruction == "RUN":
                run(root, ["sh", "-c", value], workdir, environment)
    return root


def _copy(value: str, root: Path, workdir: str, roots: dict[str, Path]) -> None:
    if found := re.fullmatch(r"--from=(\w+) (\S+) (\S+)", value):
        stage, source, target = found.groups()
        shutil.copytree(roots[stage] / source.lstrip("/"), root / target.lstrip("/"), symlinks=True)
        return
    source = value.split(maxsplit=1)[0]
    for path in context():
        if source in {".", str(path)}:
            target = root / workdir.lstrip("/") / path
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / path, target)


def run(root: Path, command: list[str], workdir: str, environment: dict[str, str], user: str = "0:0") -> None:
    inside = f"cd {shlex.quote(workdir)} && exec {shlex.join(command)}"
    assignments = [f"{name}={value}" for name, value in environment.items()]
    subprocess.run(
        ["env", "-i", *assignments, "chroot", f"--userspec={user}", str(root), "sh", "-c", inside], check=True
    )


def main() -> int:
    base, folder = Path(sys.argv[1]).absolute(), Path(sys.argv[2]).absolute()
    root = build(base, folder)
    last = stages()[-1]
    environment = {**last.env(), "HOME": "/data"}
    entrypoint = json.loads(last.values("ENTRYPOINT")[-1])
    run(root, [*entrypoint, "--version"], "/app", environment, last.values("USER")[-1])
    print(root, json.dumps({"entrypoint": entrypoint, "cmd": json.loads(last.values("CMD")[-1])}))
    return 0


if __name__ == "__main__":
    assert os.getuid() == 0, "chroot needs root"
    sys.exit(main())
