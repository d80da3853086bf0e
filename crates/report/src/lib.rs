//! What a person looks at: figures drawn from data and runs.
