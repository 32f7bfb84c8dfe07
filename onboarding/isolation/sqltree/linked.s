// Without a file in assembly, the compiler refuses functions without a body, which are linked by name.
