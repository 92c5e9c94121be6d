"""Typed models of config/config.yaml: every key with its meaning, its type and its default.

The YAML file with its comments, the JSON schema for editors and the table in docs/workflow.md are generated from these
models (`make generated`). Unknown keys are refused by `waferllm.config.load`.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Model(BaseModel):
    """Base of all sections: no unknown keys, no silent conversions, no change after loading."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Wafersim(Model):
    """The toolchain of this repository: its own compiler and the simulated wafer."""

    preset: Literal["sim", "silicon"] = Field(
        default="sim",
        description="Preset of the machine table (config/machines): `sim` has the timing of the vendor's simulator as "
        "far as it is known, `silicon` the corrections for the machine.",
    )
    max_cycles: int = Field(
        default=0,
        ge=0,
        description="A run that needs more simulated cycles than this is stopped with an error; 0: no limit.",
    )


class Sdk(Model):
    """The vendor's SDK: its commands `cslc` and `cs_python`."""

    folder: str = Field(
        default="", description="Folder that holds `cslc` and `cs_python`; empty: they are found on PATH."
    )
    address: str = Field(
        default="", description="Address of a machine (`--cmaddr` of host programs); empty: the vendor's simulator."
    )


class Appliance(Model):
    """A system behind the vendor's appliance client (PyPI package `cerebras-sdk`)."""

    machine: bool = Field(default=True, description="Run on a machine; false: on the simulator in its cluster.")


class Resources(Model):
    """What a job may use. Memory and time grow with the mesh; these are the parts that do not, and the rates."""

    run_threads: int = Field(default=1, ge=1, description="Threads of one simulation.")
    base_mb: int = Field(default=500, ge=100, description="Memory of a job besides what its mesh needs, MB.")
    model_mb: int = Field(
        default=300, ge=0, description="Memory for the model and its reference, of jobs that generate text, MB."
    )
    pe_kb: int = Field(default=20, ge=4, description="Memory to simulate one PE with its data, kB.")
    base_minutes: int = Field(default=5, ge=1, description="Time limit of a job besides what its mesh needs, minutes.")
    pe_rate: float = Field(
        default=0.2,
        gt=0,
        description="Slowest simulation to expect, million PE-cycles a second; sets the time limits of run jobs.",
    )


class Settings(Model):
    """All settings of one run of the workflow."""

    experiments: str = Field(
        default="config/experiments.quick.csv",
        description="Table of experiments, one a row. config/experiments.paper.csv has the paper's mesh sizes, "
        "workflow/schemas/experiments.schema.json all columns.",
    )
    generations: str = Field(
        default="config/generations.csv",
        description="Table of models that generate text, one run a row; empty: none.",
    )
    kernels: str = Field(
        default="kernels_csl", description="Folder with the kernels, one folder each, and their shared `lib`."
    )
    backend: Literal["wafersim", "sdk", "appliance"] = Field(
        default="wafersim", description="Toolchain that compiles and runs the kernels; its section has its settings."
    )
    gpu: bool = Field(
        default=False,
        description="Measure GEMV and decode with PyTorch on this machine's CUDA GPU, for a table of its own.",
    )
    wafersim: Wafersim = Field(default=Wafersim(), description="Settings of backend `wafersim`.")
    sdk: Sdk = Field(default=Sdk(), description="Settings of backend `sdk`.")
    appliance: Appliance = Field(default=Appliance(), description="Settings of backend `appliance`.")
    resources: Resources = Field(
        default=Resources(), description="What jobs may use; read by the scheduler and by clusters."
    )
