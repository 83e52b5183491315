"""README has every command in bin/, and only commands and options that exist."""

import re
import shlex
from pathlib import Path

import pytest
from django.core.management import get_commands, load_command_class

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```sh\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
COMMANDS = sorted(
    {line.partition("#")[0].strip() for block in BLOCKS for line in block.splitlines() if line.startswith("bin/")}
)
SOURCED_SCRIPTS = {"bin/environment.sh", "bin/data.sh"}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_in_the_readme_exists(command: str) -> None:
    program, *arguments = shlex.split(command)
    path = ROOT / program

    assert path.is_file()
    assert path.stat().st_mode & 0o111
    for folder in arguments:
        if folder.startswith(("tests/", "samples/")):
            assert (ROOT / folder).exists()
    if program == "bin/manage":
        check_options(arguments[0], arguments[1:])
    if program in {"bin/up", "bin/demo"}:
        check_options(program.removeprefix("bin/"), _without_data(arguments))
    if program == "bin/bench":
        assert (ROOT / "benchmarks" / f"{arguments[0]}.py").is_file()


def check_options(name: str, arguments: list[str]) -> None:
    """Check that the management command exists and accepts these arguments, without running it."""
    commands = get_commands()
    assert name in commands
    parser = load_command_class(str(commands[name]), name).create_parser("manage.py", name)
    parser.parse_args(arguments)


def _without_data(arguments: list[str]) -> list[str]:
    """Remove `--data DIR`, which the shell script handles."""
    if "--data" not in arguments:
        return arguments
    at = arguments.index("--data")
    return arguments[:at] + arguments[at + 2 :]


def test_each_command_is_in_the_readme() -> None:
    existing = {f"bin/{path.name}" for path in (ROOT / "bin").iterdir()} - SOURCED_SCRIPTS

    assert {shlex.split(command)[0] for command in COMMANDS} == existing


def test_each_setting_in_the_readme_exists() -> None:
    settings = (ROOT / "config" / "settings.py").read_text()
    named = set(re.findall(r"^\| `([A-Z_]+)`(?:, `([A-Z_]+)`)?", README, re.MULTILINE))

    for name in {name for row in named for name in row if name}:
        assert f'"{name}"' in settings
