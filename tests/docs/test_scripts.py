"""The calls of our scripts on the pages: each script is there, and takes the flags as written."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys

from pages import PAGES, ROOT

CALL = re.compile(
    r'^    (?:[A-Z_]+=\S+ )*(?:xvfb-run -a (?:-s "[^"]*" )?)?python (\S+\.py.*)$', re.MULTILINE
)
# Runs each script up to where it has read its words; one process, as torch takes seconds to import
READER = """
import argparse, json, runpy, sys
from pathlib import Path

class Read(BaseException):
    pass

def parse_args(parser, *given):
    read(parser, *given)
    raise Read

read, argparse.ArgumentParser.parse_args = argparse.ArgumentParser.parse_args, parse_args
for call in json.load(sys.stdin):
    sys.argv, sys.path[0] = call, str(Path(call[0]).resolve().parent)
    try:
        runpy.run_path(call[0], run_name="__main__")
    except Read:
        continue
    except ModuleNotFoundError:  # of a package that only this one needs
        print(call[0])
        continue
    except SystemExit as said:
        sys.exit(f"{call}: {said}")
    sys.exit(f"{call}: reads no words")
"""


def calls():
    """The words of each call, the script first."""
    for page in PAGES:
        for line in CALL.findall(page.read_text(encoding="utf-8")):
            yield shlex.split(line, comments=True)


def refusal(found):
    """What the first script that does not take its words says; empty if all do.

    Of a script that cannot be run here, only that it has such flags is known.
    """
    done = subprocess.run(
        [sys.executable, "-c", READER], cwd=ROOT, input=json.dumps(found),
        capture_output=True, encoding="utf-8", errors="replace", check=False,
    )  # fmt: skip
    for script, *words in found:
        if script in done.stdout.splitlines():
            text = (ROOT / script).read_text(encoding="utf-8")
            assert all(f'"{word}"' in text for word in words if word.startswith("--")), script
    return done.stderr if done.returncode else ""


def test_scripts_take_the_words_that_the_pages_give_them():
    found = list(calls())
    assert len(found) > 20
    for script, *words in found:
        text = (ROOT / script).read_text(encoding="utf-8")
        if not re.search(r"\bArgumentParser\(|\barguments\(", text):
            assert not [word for word in words if word.startswith("-")], script  # it has no flags
    with_flags = [[script, *words] for script, *words in found if "mutants.py" not in script]
    assert refusal(with_flags) == ""


def test_a_flag_that_is_not_known_is_told():
    assert "--nonsense" in refusal([["benchmarks/kill_batch.py", "--nonsense"]])
