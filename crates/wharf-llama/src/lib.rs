//! llama.cpp behind the contracts of wharf-llm.
