# generate: a row of the generations table → what the simulated wafer says, checked against the reference.
rule generate:
    input:
        script="scripts/generate.py",
        kernel=get_model_sources,
    output:
        "results/generate/{text}.json",
    log:
        "results/logs/generate/{text}.log",
    benchmark:
        "results/benchmarks/generate/{text}.tsv"
    conda:
        "../../envs/run.yaml"
    threads: PLAN.settings.resources.run_threads
    resources:
        mem_mb=get_text_memory,
        runtime=get_text_runtime,
    params:
        generations=PLAN.settings.generations,
        row=get_text,
        kernels=PLAN.settings.kernels,
        toolchain=PLAN.toolchain_options,
        version=PLAN.toolchain_version,
    shell:
        "python {input.script} --experiments {params.generations} --experiment {wildcards.text}"
        " --kernels {params.kernels} {params.toolchain} --out {output} --log {log}"
