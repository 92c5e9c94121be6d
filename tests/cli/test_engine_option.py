"""`cs_python --engine`: picks the engine by the variable that the runtime reads."""

import pytest

from wafersim.cli import cs_python
from wafersim.runtime import paired, settings


@pytest.mark.parametrize("words", (["--engine", "fast"], ["--engine=fast"]))
def test_the_option_sets_the_engine_of_the_runtime(words, monkeypatch, capsys):
    monkeypatch.delenv("WAFERSIM_ENGINE", raising=False)
    monkeypatch.setenv("WAFERSIM_ENGINE", "")
    code = "import os; print(os.environ['WAFERSIM_ENGINE'])"
    assert cs_python.main([*words, "-c", code]) == 0
    assert capsys.readouterr().out.strip() == "fast"
    assert settings.from_environment().engine == "fast"


def test_the_option_sets_the_number_of_threads(monkeypatch, capsys):
    monkeypatch.setenv("WAFERSIM_THREADS", "")
    code = "import os; print(os.environ['WAFERSIM_THREADS'])"
    assert settings.from_environment().threads == 0
    assert cs_python.main(["--threads", "3", "-c", code]) == 0
    assert capsys.readouterr().out.strip() == "3"
    assert settings.from_environment().threads == 3
    assert cs_python.main(["--threads=two", "-c", code]) == 2
    assert "needs a number of threads, got 'two'" in capsys.readouterr().err


def test_an_engine_that_does_not_exist_is_refused(capsys):
    assert cs_python.main(["--engine", "warp", "-c", "pass"]) == 2
    assert "needs one of reference, fast, both" in capsys.readouterr().err


class Answers:
    """A mesh that gives one answer to every question."""

    width = height = 0

    def __init__(self, cycle):
        self.cycle = cycle

    def __getattr__(self, name):
        return lambda *arguments: self.cycle if name == "result" else "done"


def test_engines_that_differ_end_the_run():
    same = paired.PairedMesh(lambda engine: Answers(7))
    assert same.run(1, []) == "done" and same.result(1) == 7
    differ = paired.PairedMesh(lambda engine: Answers(len(engine)))
    with pytest.raises(paired.EngineMismatchError, match="reference 9, fast 4"):
        differ.run(1, [])
    with pytest.raises(paired.EngineMismatchError, match="reference 9, fast 4"):
        differ.result(1)
