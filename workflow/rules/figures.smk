# figures: measurements, records and published numbers → the figures of the paper, and of generated text.
rule figures:
    input:
        script="scripts/figures.py",
        sources=get_table_sources,
        paper="config/paper_values.csv",
    output:
        png=report(
            "results/figures/{item}.png",
            caption="../report/figure.rst",
            category="Figures",
            labels={"item": "{item}"},
        ),
        pdf="results/figures/{item}.pdf",
        csv="results/figures/{item}.csv",
    log:
        "results/logs/figures/{item}.log",
    benchmark:
        "results/benchmarks/figures/{item}.tsv"
    conda:
        "../../envs/run.yaml"
    threads: 1
    resources:
        mem_mb=PLAN.settings.resources.base_mb,
        runtime=PLAN.settings.resources.base_minutes,
    shell:
        "python {input.script} --item {wildcards.item} --sources {input.sources} --paper {input.paper}"
        " --out results/figures --log {log}"
