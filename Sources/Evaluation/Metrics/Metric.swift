/// A number computed from per-item observations.
public protocol Metric: Sendable {
    /// What one item contributes.
    associatedtype Observation: Sendable

    /// The name printed beside the number, such as `accuracy`.
    var name: String { get }

    /// The metric over `observations` (never empty).
    func value(_ observations: [Observation]) -> Double
}

/// The mean of one number per item: accuracy for 0/1 observations, mean F1 for F1 observations.
public struct MeanMetric: Metric {
    /// The name printed beside the number.
    public let name: String

    /// A mean called `name`.
    public init(_ name: String) { self.name = name }

    /// The arithmetic mean.
    public func value(_ observations: [Double]) -> Double {
        observations.reduce(0, +) / Double(observations.count)
    }
}

/// Mean over classes of the share of the class's items that were predicted right.
///
/// The classes are those present among the true labels, so a classifier that always answers the same class scores
/// one over the number of classes however skewed they are. This is scikit-learn's `balanced_accuracy_score`
/// (without its chance adjustment).
public struct BalancedAccuracy: Metric {
    /// One item: the true class and the predicted one, as indices into any shared list.
    public struct Observation: Hashable, Sendable {
        /// The true class.
        public var truth: Int
        /// The predicted class.
        public var prediction: Int

        /// An observation of one item.
        public init(truth: Int, prediction: Int) {
            self.truth = truth
            self.prediction = prediction
        }
    }

    /// `balanced accuracy`.
    public let name = "balanced accuracy"

    /// The metric.
    public init() {}

    /// The mean recall over the classes present.
    public func value(_ observations: [Observation]) -> Double {
        let classCount = (observations.lazy.map(\.truth).max() ?? 0) + 1
        var total = [Int](repeating: 0, count: classCount)
        var right = [Int](repeating: 0, count: classCount)
        for observation in observations {
            total[observation.truth] += 1
            if observation.truth == observation.prediction { right[observation.truth] += 1 }
        }
        var sum = 0.0
        var present = 0
        for index in 0..<classCount where total[index] > 0 {
            sum += Double(right[index]) / Double(total[index])
            present += 1
        }
        return sum / Double(present)
    }
}
