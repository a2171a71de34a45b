"""Node, Go, Rust, Ruby, Java: what their files say that work needs."""
