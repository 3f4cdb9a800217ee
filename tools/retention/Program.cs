using RetentionEngine.Tool;

return Cli.Run(args);
