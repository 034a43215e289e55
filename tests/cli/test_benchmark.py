from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def test_outside_a_clone_there_is_nothing_to_run(turnwise: Any, tmp_path: Path) -> None:
    done = turnwise("benchmark", "intents")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"error: there is no benchmarks folder in {tmp_path}; run this in a clone of the source repository\n"
    )


def test_benchmarks_are_listed_with_their_first_line(turnwise: Any, tmp_path: Path) -> None:
    (tmp_path / "benchmarks").symlink_to(ROOT / "benchmarks")
    done = turnwise("benchmark")
    assert (done.returncode, done.stderr) == (0, "")
    names = [line.split()[0] for line in done.stdout.splitlines()]
    assert {"intents", "service"} <= set(names)
    assert names == sorted(names)
    assert not any(name.startswith("_") for name in names)


def test_flags_and_the_exit_code_are_the_benchmarks(turnwise: Any, tmp_path: Path) -> None:
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks" / "echo.py").write_text(
        '"""Says what it got."""\nimport sys\nprint(sys.argv[1:])\nsys.exit(3)'
    )
    done = turnwise("benchmark", "echo", "--help", "-n", "2")
    assert (done.returncode, done.stdout) == (3, "['--help', '-n', '2']\n")
    done = turnwise("benchmark", "ehco")
    assert done.returncode == 1
    assert "there is no benchmark 'ehco'; did you mean 'echo'" in done.stderr
