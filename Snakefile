# The reproduction, from kernels in CSL to tables and figures beside the published numbers. `make reproduce` runs it;
# docs/workflow.md explains it. The includes below are in the order of the data.
from snakemake.utils import min_version

min_version("9.0")


configfile: "config/config.yaml"


report: "workflow/report/workflow.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/inputs.smk"
include: "workflow/rules/partition.smk"
include: "workflow/rules/compile.smk"
include: "workflow/rules/run.smk"
include: "workflow/rules/validate.smk"
include: "workflow/rules/generate.smk"
include: "workflow/rules/gpu.smk"
include: "workflow/rules/aggregate.smk"
include: "workflow/rules/tables.smk"
include: "workflow/rules/figures.smk"


rule all:
    default_target: True
    input:
        measurements="results/aggregate/measurements.csv",
        texts=expand("results/generate/{text}.json", text=PLAN.texts),
        tables=expand("results/tables/{item}.csv", item=PLAN.tables),
        figures=expand("results/figures/{item}.png", item=PLAN.figures),


onstart:
    # The limit of jobs per second, which Snakemake sets by itself, has it look at all ready jobs again a second after each
    # look at them: more and more often, until it does little else. With a thousand jobs that takes longer than they do.
    workflow.scheduler.job_rate_limiter = None


onsuccess:
    print(summary("results"))


onerror:
    print(failures("results"))
