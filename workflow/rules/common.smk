# What the rules share: settings and experiments, checked before the first job; names of wildcards; what a rule asks for.
# The logic is in waferllm.plan, where tests reach it.
from snakemake.exceptions import WorkflowError

from waferllm.errors import WaferllmError
from waferllm.locks import claim
from waferllm.plan import load_plan
from waferllm.summary import failures, summary

try:
    PLAN = load_plan(config)
    if workflow.is_main_process and not workflow.dryrun:
        claim(".snakemake")
except WaferllmError as error:
    raise WorkflowError(str(error)) from None


# In a job of a cluster Snakemake runs the rules itself, one after the other, and is not started anew for each of them.
if not workflow.is_main_process:

    localrules:
        inputs,
        partition,
        compile,
        run,
        validate,
        generate,
        gpu,
        aggregate,
        tables,
        figures,


wildcard_constraints:
    exp=PLAN.pattern,
    text=PLAN.text_pattern,
    item="[a-z0-9_]+",


def get_row(wildcards):
    """The experiment as text: a job is out of date when its row has changed."""
    return PLAN.row(wildcards.exp)


def get_kernel_sources(wildcards):
    return PLAN.kernel_sources(wildcards.exp)


def get_text(wildcards):
    """A row of the generations table as text."""
    return PLAN.text_row(wildcards.text)


def get_model_sources(wildcards):
    return PLAN.model_sources


def get_text_memory(wildcards):
    return PLAN.text_memory_mb(wildcards.text)


def get_text_runtime(wildcards):
    return PLAN.text_minutes(wildcards.text)


def get_memory(wildcards):
    return PLAN.memory_mb(wildcards.exp)


def get_runtime(wildcards):
    return PLAN.minutes(wildcards.exp)


def get_table_sources(wildcards):
    """What a table or figure is made of, besides published numbers."""
    return PLAN.table_sources(wildcards.item)
