# gpu: GEMV and decode with PyTorch on a CUDA GPU of this machine → times; only with the setting `gpu`.
rule gpu:
    input:
        script="scripts/gpu.py",
    output:
        "results/gpu/gpu.json",
    log:
        "results/logs/gpu.log",
    benchmark:
        "results/benchmarks/gpu.tsv"
    conda:
        "../../envs/run.yaml"
    threads: 1
    resources:
        mem_mb=8000,
        runtime=PLAN.settings.resources.base_minutes,
    shell:
        "python {input.script} --out {output} --log {log}"
