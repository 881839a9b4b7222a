import Checkpoints
public import Evaluation
import Foundation
public import Media
import Torch

/// An evaluation in a folder of its own, which can be interrupted at any moment and resumed.
///
///     FOLDER/evaluation.json      what it is an evaluation of: hashes of model and data, settings
///     FOLDER/predictions.jsonl    every answer, in the order of asking
///     FOLDER/scores.json          scores with controls and intervals
///     FOLDER/report.html          the same with images
///
/// Answers are computed in groups that depend on the settings alone, and a group is saved whole or not at all: a resumed
/// run computes exactly what an uninterrupted one does.
public struct EvaluationRun {
    /// The folder's files.
    public enum FileName {
        public static let identity = "evaluation.json"
        public static let predictions = "predictions.jsonl"
        public static let scores = "scores.json"
        public static let page = "report.html"
    }

    /// How far the work is.
    public struct Step: Sendable {
        /// The task's name.
        public var task: String
        /// Number of the task, from 1.
        public var number: Int
        /// Number of tasks.
        public var count: Int
        /// Questions of this task that are answered.
        public var completed: Int
        /// Questions of this task.
        public var total: Int
    }

    /// What came out.
    public struct Outcome: Sendable {
        /// Scores, with controls and intervals.
        public var report: EvaluationReport
        /// Every answer.
        public var predictions: [Prediction]
        /// Tasks that could not be put to these items, and why.
        public var notes: [String]
        /// Answers that were there already.
        public var resumedCount: Int
    }

    /// Items asked about together.
    static let groupSize = 32

    private let folder: String
    private let identity: EvaluationIdentity

    /// An evaluation in a folder, which is made when it is missing.
    public init(folder: String, identity: EvaluationIdentity) {
        self.folder = folder
        self.identity = identity
    }

    /// Asks what has not been answered yet, and scores everything.
    /// - Parameters:
    ///   - requiredQuestions: questions that must not be left out where the data has nothing to ask about.
    ///   - progress: told after every group; what it throws ends the work, and all answers so far stay.
    /// - Throws: `EvaluationError` when the folder holds another evaluation; the file system's errors; what `progress`
    ///   throws.
    public func run(
        _ subject: EvaluationSubject, data: EvaluationData, imageProcessor: ImageProcessor,
        requiredQuestions: [CaptionEvaluation.Question] = [], progress: (Step) throws -> Void = { _ in }
    ) throws -> Outcome {
        let clock = ContinuousClock()
        let started = clock.now
        let evaluation = identity.settings.evaluation
        let context = evaluation.context(
            subject, set: data.set, statistics: data.statistics, blank: imageProcessor.blankPixelValues)
        let (tasks, notes) = try Self.tasks(evaluation, context, required: requiredQuestions)
        let lock = try takeFolder()
        defer { lock.release() }
        try claim()
        let log = try PredictionLog(path(FileName.predictions))
        let groups = tasks.map { task in Self.groups(task.places(context)) }
        let kept = try Self.keepWholeGroups(
            log, tasks: tasks, groups: groups, context, path: path(FileName.predictions))
        try log.keep(kept)

        var predictions = Array(log.saved.prefix(kept))
        var saved = predictions[...]
        var scores = [TaskScore]()
        for (number, (task, groups)) in zip(tasks, groups).enumerated() {
            var own = [Prediction]()
            let total = groups.reduce(0) { $0 + $1.count }
            func step() throws {
                try progress(
                    Step(
                        task: task.name, number: number + 1, count: tasks.count, completed: own.count, total: total))
            }
            for group in groups {
                if saved.count >= group.count {
                    own += saved.prefix(group.count)
                    saved = saved.dropFirst(group.count)
                    continue
                }
                try step()
                let answers = try task.predictions(context, places: group)
                try log.append(answers)
                predictions += answers
                own += answers
            }
            try step()
            scores += task.scores(context, own)
        }
        let seconds = Double((clock.now - started) / .milliseconds(1)) / 1000
        let outcome = Outcome(
            report: evaluation.report(scores, set: data.set, seconds: seconds), predictions: predictions, notes: notes,
            resumedCount: kept)
        try EvaluationFile.write(try EvaluationFile.json(outcome.report), to: path(FileName.scores))
        return outcome
    }

    private func path(_ name: String) -> String { "\(folder)/\(name)" }

    /// The tasks that these items allow, and why others are left out.
    private static func tasks(
        _ evaluation: CaptionEvaluation, _ context: EvaluationContext, required: [CaptionEvaluation.Question]
    ) throws -> (tasks: [any EvaluationTask], notes: [String]) {
        var tasks = [any EvaluationTask]()
        var notes = [String]()
        for question in evaluation.questions {
            let all = evaluation.tasks(question, on: context.set)
            let obstacles = all.map { (task: $0, reason: $0.obstacle(context)) }
            tasks += obstacles.filter { $0.reason == nil }.map(\.task)
            let reasons =
                all.isEmpty
                ? ["\(question.rawValue): no source has a short list of kinds"]
                : obstacles.compactMap { obstacle in obstacle.reason.map { "\(obstacle.task.name): \($0)" } }
            notes += reasons
            for (task, reason) in obstacles where reason == nil {
                if let omission = task.omission(context) { notes.append("\(task.name): \(omission)") }
            }
            if required.contains(question), reasons.count >= max(1, all.count) {
                throw EvaluationError("the task \(question.rawValue) does not apply to these items (\(reasons[0]))")
            }
        }
        guard !tasks.isEmpty else {
            throw EvaluationError("none of the tasks applies to these items: \(notes.joined(separator: "; "))")
        }
        return (tasks, notes)
    }

    private static func groups(_ places: [Int]) -> [[Int]] {
        stride(from: 0, to: places.count, by: groupSize).map {
            Array(places[$0..<min($0 + groupSize, places.count)])
        }
    }

    /// How many saved predictions form whole groups.
    /// - Throws: `EvaluationError` when they are not the answers to these questions.
    private static func keepWholeGroups(
        _ log: PredictionLog, tasks: [any EvaluationTask], groups: [[[Int]]], _ context: EvaluationContext, path: String
    ) throws -> Int {
        var count = 0
        for (task, groups) in zip(tasks, groups) {
            for group in groups {
                guard count + group.count <= log.saved.count else { return count }
                for (offset, place) in group.enumerated() {
                    let found = log.saved[count + offset]
                    guard found.task == task.name, found.id == context.id(place) else {
                        throw EvaluationError(
                            "line \(count + offset + 1) of \(path) answers \(found.task) about \(found.id), but "
                                + "\(task.name) about \(context.id(place)) was expected: remove the folder and evaluate again"
                        )
                    }
                }
                count += group.count
            }
        }
        guard count == log.saved.count else {
            throw EvaluationError(
                "\(path) has \(log.saved.count) predictions, but this evaluation has \(count): remove the folder and "
                    + "evaluate again")
        }
        return count
    }

    /// Makes the folder and keeps other evaluations out of it.
    private func takeFolder() throws -> FolderLock {
        let present = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).filter {
            !$0.hasPrefix(".")
        }
        if !present.contains(FileName.identity), let foreign = present.sorted().first {
            throw EvaluationError(
                "\(folder) contains \(foreign) but no evaluation: give an --output that is empty or does not exist yet")
        }
        try EvaluationFile.makeFolder(folder)
        guard let lock = try FolderLock(folder) else {
            throw EvaluationError(
                "another evaluation is writing \(folder); wait until it ends, or give another --output")
        }
        return lock
    }

    /// Writes the identity into a new folder, or compares it with that of the folder's evaluation.
    private func claim() throws {
        if let earlier = try SavedEvaluation.identity(folder) {
            return try identity.requireSame(as: earlier, folder: folder)
        }
        try EvaluationFile.write(try EvaluationFile.json(identity), to: path(FileName.identity))
    }
}
