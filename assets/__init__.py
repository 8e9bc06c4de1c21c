"""The stages as steps of a graph: one module per stage reads inputs, calls the library, publishes, describes.

No algorithm lives here. `graph.steps(recipe)` lists the steps of a recipe; `step.build` runs one on one partition, or
finds it done; `definitions.asset_definitions(recipe)` shows them to Dagster.
"""
