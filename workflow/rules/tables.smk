# tables: measurements, records, formulas and published numbers → the tables of the paper, ours beside theirs.
rule tables:
    input:
        script="scripts/tables.py",
        sources=get_table_sources,
        paper="config/paper_values.csv",
        claims="config/paper_claims.csv",
    output:
        csv=report(
            "results/tables/{item}.csv",
            caption="../report/table.rst",
            category="Tables",
            labels={"item": "{item}"},
        ),
        md="results/tables/{item}.md",
        tex="results/tables/{item}.tex",
    log:
        "results/logs/tables/{item}.log",
    benchmark:
        "results/benchmarks/tables/{item}.tsv"
    conda:
        "../../envs/run.yaml"
    threads: 1
    resources:
        mem_mb=PLAN.settings.resources.base_mb,
        runtime=PLAN.settings.resources.base_minutes,
    shell:
        "python {input.script} --item {wildcards.item} --sources {input.sources} --paper {input.paper}"
        " --claims {input.claims} --out results/tables --log {log}"
