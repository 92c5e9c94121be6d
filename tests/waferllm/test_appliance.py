"""The backend `appliance` against the signatures of the vendor's client, with a stand-in that keeps to them.

The stand-in compiles and runs with our own commands, so a whole experiment goes through the calls.
"""

from __future__ import annotations

import ast
import importlib.metadata
import inspect
import json
import shlex
import subprocess
import sys
import tarfile
import types
from pathlib import Path

import pytest

from waferllm.backends.appliance import Appliance
from waferllm.errors import BackendError, CommandError
from waferllm.experiments import Experiment
from waferllm.pipeline import through

RECORDED = json.loads((Path(__file__).parent / "appliance_signatures.json").read_text())
SIGNATURES = {name: words for name, words in RECORDED.items() if name != "source"}
KERNELS = Path(__file__).resolve().parents[2] / "kernels_csl"


def signature(words):
    kinds = {"**": inspect.Parameter.VAR_KEYWORD, "*": inspect.Parameter.VAR_POSITIONAL}
    return inspect.Signature([
        inspect.Parameter(word.lstrip("*"), kinds.get(word[: word.count("*")], inspect.Parameter.POSITIONAL_OR_KEYWORD))
        for word in words
    ])  # fmt: skip


def bound(name, *args, **kwargs):
    """Raises TypeError where the real call would."""
    return signature(SIGNATURES[name]).bind(None, *args, **kwargs).arguments


class Client:
    """Stand-in for cerebras.sdk.client: the same calls, done in a local folder."""

    def __init__(self, folder, fails=False):
        self.folder, self.fails, self.log = folder, fails, []
        outer = self

        class SdkCompiler:
            def __init__(self, *args, **kwargs):
                bound("SdkCompiler.__init__", *args, **kwargs)

            def __enter__(self):
                return self

            def __exit__(self, *_):
                return None

            def compile(self, *args, **kwargs):
                given = bound("SdkCompiler.compile", *args, **kwargs)
                return outer.compile(**{name: value for name, value in given.items() if name != "self"})

        class SdkLauncher:
            def __init__(self, *args, **kwargs):
                given = bound("SdkLauncher.__init__", *args, **kwargs)
                outer.log.append(("launcher", given["kwargs"]))
                self.work = outer.folder / "work"
                self.work.mkdir()
                with tarfile.open(given["artifact_path"]) as tar:
                    tar.extractall(self.work)

            def __enter__(self):
                return self

            def __exit__(self, *_):
                return None

            def stage(self, *args, **kwargs):
                path = Path(bound("SdkLauncher.stage", *args, **kwargs)["artifact_path"])
                (self.work / path.name).write_bytes(path.read_bytes())

            def run(self, *args, **kwargs):
                told = []
                for command in bound("SdkLauncher.run", *args, **kwargs)["args"]:
                    outer.log.append(("run", command))
                    told.append(outer.command(shlex.split(command), self.work))
                return "".join(told)

            def download_artifact(self, *args, **kwargs):
                given = bound("SdkLauncher.download_artifact", *args, **kwargs)
                Path(given["out_path"]).write_bytes((self.work / given["artifact_name"]).read_bytes())

        self.module = types.SimpleNamespace(SdkCompiler=SdkCompiler, SdkLauncher=SdkLauncher)

    def compile(self, app_path, csl_main, options, out_path):
        self.log.append(("compile", csl_main, options))
        if self.fails:
            raise RuntimeError("the compiler says no")
        self.command(["cslc", str(Path(app_path) / csl_main), *options.split()], self.folder)
        artifact = Path(out_path) / "cs_0123.tar.gz"
        with tarfile.open(artifact, "w:gz") as tar:
            tar.add(self.folder / "out", arcname="out")
        return str(artifact)

    @staticmethod
    def command(words, folder):
        line = [sys.executable, "-m", f"wafersim.cli.{words[0]}", *words[1:]]
        done = subprocess.run(line, cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout


def installed_source():
    """The client's source, if the package is installed; it is read, not imported, so nothing else has to be there."""
    try:
        files = importlib.metadata.files("cerebras-sdk") or []
    except importlib.metadata.PackageNotFoundError:
        return None
    return next((file.locate() for file in files if file.name == "sdk_appliance_client.py"), None)


def test_recorded_signatures_are_those_of_the_package():
    source = installed_source()
    if source is None:
        pytest.skip("the package cerebras-sdk is not installed")
    found = {}
    classes = [node for node in ast.parse(Path(str(source)).read_text()).body if isinstance(node, ast.ClassDef)]
    for node in classes:
        for method in node.body:
            if isinstance(method, ast.FunctionDef):
                args = method.args
                words = [arg.arg for arg in args.args] + (["*" + args.vararg.arg] if args.vararg else [])
                words += ["**" + args.kwarg.arg] if args.kwarg else []
                found[f"{node.name}.{method.name}"] = words
    assert {name: found.get(name) for name in SIGNATURES} == SIGNATURES


def test_the_stand_in_refuses_other_calls():
    with pytest.raises(TypeError):
        bound("SdkCompiler.compile", "app", "main", "options")
    with pytest.raises(TypeError):
        bound("SdkLauncher.stage", "a", "b")


def test_compile_is_told_all_kernels_and_the_options(tmp_path):
    client = Client(tmp_path, fails=True)
    backend = Appliance(simulator=True, client=lambda: client.module)
    with pytest.raises(CommandError, match=r"SdkCompiler.compile failed: RuntimeError: the compiler says no"):
        backend.compile(KERNELS / "baselines/cannon/layout.csl", ["--arch=wse3", "--memcpy"], tmp_path / "program")
    assert client.log == [("compile", "baselines/cannon/layout.csl", "--arch=wse3 --memcpy -o out")]


def test_a_missing_package_is_named(tmp_path):
    with pytest.raises(BackendError, match="install the package cerebras-sdk"):
        Appliance().compile(KERNELS / "meshgemm/layout.csl", [], tmp_path / "program")


def test_a_program_without_an_artifact_is_refused(tmp_path):
    client = Client(tmp_path)
    with pytest.raises(BackendError, match=r"expected one artifact of the appliance \(\*.tar.gz\), found 0"):
        Appliance(client=lambda: client.module).run(KERNELS / "meshgemm/run.py", tmp_path, tmp_path, tmp_path)


def test_a_whole_experiment_goes_through_the_calls(tmp_path):
    client = Client(tmp_path)
    case = Experiment("e", "check", "meshgemv", "wse3", 3, 2, 7, 13)
    stats, report = through(case, Appliance(simulator=True, client=lambda: client.module), tmp_path, KERNELS)
    assert report.passed and stats["backend"] == "appliance"
    assert [entry[0] for entry in client.log] == ["compile", "launcher", "run"]
    assert client.log[1][1] == {"simulator": True}
    assert client.log[2][1] == "cs_python run.py --name out --tiles tiles.npz --out outputs.npz"
