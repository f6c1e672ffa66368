//! The program around the library.

fn main() -> anyhow::Result<()> {
    gateway::program::main()
}
