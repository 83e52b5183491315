import json
import sys
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from forge.operations import doctor

_STYLES = {"ok": "SUCCESS", "warn": "WARNING", "fail": "ERROR"}


class Command(BaseCommand):
    help = (
        "Checks this installation and prints a line for each check: ok, warn or fail, and what to do next. The exit "
        "code is 1 if a check fails. It may run while the service is running, and where it does not start."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--url", default="", help="public address, such as https://forge.example.com")
        parser.add_argument("--key", default="", help="API key for --url; - reads it from standard input")
        parser.add_argument("--json", action="store_true", help="JSON Lines")

    def handle(self, *args: Any, url: str, key: str, json: bool, **options: Any) -> None:
        if bool(url) != bool(key):
            raise CommandError("--url and --key go together.", returncode=2)
        key = sys.stdin.readline().strip() if key == "-" else key
        failed = 0
        for finding in doctor.findings(url, key):
            failed += finding.status == "fail"
            self.stdout.write(_json_line(finding) if json else self._line(finding))
        if failed:
            sys.exit(1)

    def _line(self, finding: doctor.Finding) -> str:
        status = getattr(self.style, _STYLES[finding.status])(f"{finding.status:<4}")
        line = f"{status}  {finding.check}: {finding.sentence}"
        return f"{line}\n      {finding.remedy}" if finding.remedy else line


def _json_line(finding: doctor.Finding) -> str:
    return json.dumps(asdict(finding), ensure_ascii=False)
