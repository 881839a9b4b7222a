public import ArgumentParser
import Codecs
import Corpora
import DataPipeline
import Foundation
import Terminal

/// `syrinx data fetch`: makes a corpus folder.
struct DataFetchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fetch",
        abstract: "Make a corpus from public packages or rendered scenes.",
        subcommands: [Starter.self, Scenes.self])

    /// The codecs that the data pipeline does not know by itself.
    static let coding = ImageCoding(decoder: ImageCodec()) { try ImageCodec().encodePNG($0) }
}

extension StarterSize: ExpressibleByArgument {}

extension DataFetchCommand {
    struct Starter: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "starter",
            abstract:
                "Fetch Debian packages (no root, nothing is installed) and extract images with captions and text.",
            usage: "syrinx data fetch starter [<options>]",
            discussion: """
                Downloads: minimal \(StarterSize.minimal.megabytes) MB (clip art, emoji, the GIMP manual, WordNet), \
                prototype \(StarterSize.prototype.megabytes) MB (with Tux Paint's stamps and Sweet Home 3D's furniture), \
                full \(StarterSize.full.megabytes) MB (with flags and icons).

                Every package is pinned by version and SHA-256. Packages in the cache are not fetched again, and an \
                existing corpus is left as it is. Do not commit any of it: each item's record names its package, version, path, \
                licence and creator.
                """)

        @Option(help: "minimal, prototype or full.")
        var size: StarterSize = .minimal

        @Option(help: ArgumentHelp("The corpus folder (default: corpora/SIZE).", valueName: "dir"))
        var output: String?

        @Option(help: ArgumentHelp("The folder of the package cache.", valueName: "dir"))
        var cache: String = "corpora/packages"

        @Flag(help: "Accept another version if the pinned one is unavailable. The corpus and its scores then differ.")
        var unpinned = false

        @Flag(help: "Render scenes if packages are unavailable; scores are then not comparable.")
        var orGenerate = false

        @Flag(help: "Print the result as JSON.")
        var json = false

        func run() throws {
            let fetch = StarterFetch(
                size: size, output: URL(fileURLWithPath: output ?? "corpora/\(size.rawValue)"),
                cache: URL(fileURLWithPath: cache), allowsUnpinned: unpinned, generatesOtherwise: orGenerate)
            try CorpusReport(outcome: try fetch.run(coding: coding), folder: fetch.output).print(asJSON: json)
        }
    }

    struct Scenes: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "scenes",
            abstract: "Render scenes of coloured shapes with exact captions; needs no network.",
            usage: "syrinx data fetch scenes [<options>]",
            discussion:
                "For tests and for machines without packages. Scores are not comparable with the starter corpus.")

        @Option(
            parsing: .unconditional,
            help: "The number of captioned scenes; every eight add one document and one text.")
        var count = StarterFetch.sceneCount

        @Option(parsing: .unconditional, help: "The random seed.", transform: Seed.value)
        var seed: UInt64 = 0

        @Option(parsing: .unconditional, help: ArgumentHelp("Pixels per side, 16 to 128.", valueName: "pixels"))
        var side = 64

        @Option(help: ArgumentHelp("The corpus folder.", valueName: "dir"))
        var output = "corpora/scenes"

        @Flag(help: "Print the result as JSON.")
        var json = false

        func run() throws {
            InterruptFlag.install()
            let folder = URL(fileURLWithPath: output)
            let corpus = try SceneCorpus(count: count, seed: seed, size: side)
            let start = ContinuousClock.now
            let bar = ProgressBar("rendering scenes", total: count + 2 * max(1, count / 8))
            let (manifest, isNew) = try corpus.write(to: folder, coding: coding) { done, _ in
                try InterruptFlag.check()
                bar.update(done)
            }
            bar.finish()
            var outcome = StarterFetch.Outcome(manifest: manifest, isNew: isNew)
            outcome.extractionSeconds = (ContinuousClock.now - start) / .seconds(1)
            try CorpusReport(outcome: outcome, folder: folder).print(asJSON: json)
        }
    }
}

extension StarterSize {
    /// Megabytes to download, rounded up.
    fileprivate var megabytes: Int { (downloadBytes + 999_999) / 1_000_000 }
}
