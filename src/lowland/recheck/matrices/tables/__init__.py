"""Problems of tables, and whether the units that a document states may be believed."""
