# run: loadable program and tiles → outputs, time stamps, cycles.
rule run:
    input:
        script="scripts/run.py",
        kernel=get_kernel_sources,
        program="results/compile/{exp}",
        tiles="results/partition/{exp}/tiles.npz",
    output:
        outputs="results/run/{exp}/outputs.npz",
        stats="results/run/{exp}/stats.json",
    log:
        "results/logs/run/{exp}.log",
    benchmark:
        "results/benchmarks/run/{exp}.tsv"
    conda:
        "../../envs/run.yaml"
    threads: PLAN.settings.resources.run_threads
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
        "WAFERSIM_THREADS={threads} python {input.script} --experiments {params.experiments} --experiment {wildcards.exp}"
        " --kernels {params.kernels} {params.toolchain} --program {input.program} --tiles {input.tiles}"
        " --outputs {output.outputs} --stats {output.stats} --log {log}"
