"""Loading a large table: `syndb-graphql load` beside a loop written by hand, each in a process of its own."""
