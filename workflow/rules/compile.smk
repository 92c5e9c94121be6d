# compile: kernel sources and parameters → the folder that host programs load.
rule compile:
    input:
        script="scripts/compile.py",
        kernel=get_kernel_sources,
    output:
        directory("results/compile/{exp}"),
    log:
        "results/logs/compile/{exp}.log",
    benchmark:
        "results/benchmarks/compile/{exp}.tsv"
    conda:
        "../../envs/run.yaml"
    threads: 1
    resources:
        mem_mb=get_memory,
        runtime=get_runtime,
    params:
        experiments=PLAN.settings.experiments,
        row=get_row,
        kernels=PLAN.settings.kernels,
        toolchain=PLAN.toolchain_options,
        version=PLAN.toolchain_version,
    shell:
        "python {input.script} --experiments {params.experiments} --experiment {wildcards.exp}"
        " --kernels {params.kernels} {params.toolchain} --out {output} --log {log}"
