import Settings
import Training

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// A run's folder, opened: its log, its checkpoints, and the one that is taken up.
struct OpenedRun {
    let path: String
    let yaml: String
    let checkpoints: CheckpointStore
    let log: JSONLinesObserver
    /// Where the run is taken up; nil at its beginning.
    let saved: CheckpointStore.Saved?
    /// Tells the log, and whoever listens.
    let say: (String) -> Void

    /// Writes the recipe into the folder and finds the checkpoint to resume from.
    ///
    /// - Throws: `ConfigError` where another recipe made the checkpoint, `TrainingError` where none of several can be used.
    init(_ recipe: Recipe, _ folder: RunFolder, _ options: RecipeRunner.Options) throws {
        path = folder.path
        yaml = try StrictYAML.encode(recipe)
        checkpoints = CheckpointStore(folder: folder.checkpoints, keep: recipe.checkpoints.keep)
        let log = try JSONLinesObserver(path: folder.log)
        self.log = log
        say = { text in
            log.onMessage(text)
            options.say(text)
        }
        saved = options.resume ? checkpoints.newestValid(report: say) : nil
        if let saved {
            try Self.check(
                recipe, against: String(decoding: try saved.file("recipe.yaml"), as: UTF8.self), in: saved.path)
            say("resuming from \(saved.path)")
        } else if options.resume {
            let damaged = checkpoints.names().count
            guard damaged == 0 else {
                throw TrainingError(
                    "none of the \(damaged) checkpoints in \(folder.checkpoints) is usable (reasons above); repair them, remove "
                        + "them to start again, or choose another --output")
            }
            say("no checkpoint in \(folder.checkpoints): starting from the beginning")
        }
        try Self.write(yaml, to: folder.recipe)
    }

    private static func write(_ text: String, to path: String) throws {
        do {
            try Data(text.utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
        } catch {
            throw TrainingError("cannot write \(path): \(plainReason(error))")
        }
    }

    /// Refuses to continue a run with another recipe. Its description and notes decide nothing, so they may differ.
    private static func check(_ recipe: Recipe, against saved: String, in path: String) throws {
        func decisive(_ recipe: Recipe) throws -> String {
            var recipe = recipe
            (recipe.description, recipe.notes) = ("", [])
            return try StrictYAML.encode(recipe)
        }
        // A file that cannot be read any more is compared as it is.
        let then = try? StrictYAML.decode(Recipe.self, from: saved, file: path)
        let (now, before) = (try decisive(recipe), try then.map(decisive) ?? saved)
        guard now != before else { return }
        let pairs = zip(now.split(separator: "\n"), before.split(separator: "\n"))
        let difference =
            pairs.first { $0 != $1 }.map { "'\($0.trimmed)' now, '\($1.trimmed)' then" } ?? "one has more keys"
        throw ConfigError(
            place: path,
            problem: "saved by another recipe (\(difference)); resume with the recipe.yaml of the run's folder")
    }
}

extension Substring {
    fileprivate var trimmed: Substring { drop(while: { $0 == " " || $0 == "-" }) }
}
