# validate: outputs against NumPy → verdict; a failed one stops its branch and keeps the evidence in results/failed/.
rule validate:
    input:
        script="scripts/validate.py",
        inputs="results/inputs/{exp}/inputs.npz",
        outputs="results/run/{exp}/outputs.npz",
    output:
        "results/validate/{exp}.json",
    log:
        "results/logs/validate/{exp}.log",
    benchmark:
        "results/benchmarks/validate/{exp}.tsv"
    conda:
        "../../envs/run.yaml"
    threads: 1
    resources:
        mem_mb=get_memory,
        runtime=PLAN.settings.resources.base_minutes,
    params:
        experiments=PLAN.settings.experiments,
        row=get_row,
    shell:
        "python {input.script} --experiments {params.experiments} --experiment {wildcards.exp}"
        " --inputs {input.inputs} --outputs {input.outputs} --out {output}"
        " --failed results/failed/{wildcards.exp} --log {log}"
