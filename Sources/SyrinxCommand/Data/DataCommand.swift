import ArgumentParser

/// `syrinx data`: everything about corpora.
struct DataCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "data",
        abstract: "Fetch, inspect and check corpora.",
        subcommands: [
            DataFetchCommand.self, DataInspectCommand.self, DataConversationsCommand.self, DataCheckCommand.self,
        ])
}
