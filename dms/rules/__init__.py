"""Pure rules: values in, values out, no input or output of any other kind."""
