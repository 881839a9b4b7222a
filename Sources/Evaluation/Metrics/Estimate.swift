/// A score over a number of items with its 95 % bootstrap interval.
///
/// The interval covers the choice of items, not the variation between training seeds.
public struct Estimate: Codable, Hashable, Sendable {
    /// The score on all items, in the metric's own unit (usually `0 ... 1`).
    public var value: Double
    /// The 2.5th percentile over resamples.
    public var lower: Double
    /// The 97.5th percentile over resamples.
    public var upper: Double
    /// Number of scored items.
    public var itemCount: Int

    /// An estimate from its parts.
    public init(value: Double, lower: Double, upper: Double, itemCount: Int) {
        self.value = value
        self.lower = lower
        self.upper = upper
        self.itemCount = itemCount
    }
}

extension Estimate: CustomStringConvertible {
    /// For example `0.719 [0.681, 0.755] n=608`.
    public var description: String {
        "\(threeDecimals(value)) [\(threeDecimals(lower)), \(threeDecimals(upper))] n=\(itemCount)"
    }
}

/// `value` with exactly three decimals, without Foundation's locale machinery.
public func threeDecimals(_ value: Double) -> String {
    guard value.isFinite else { return "-" }
    let scaled = Int((value.magnitude * 1000).rounded())
    let fraction = String(scaled % 1000)
    let sign = value < 0 && scaled > 0 ? "-" : ""
    return "\(sign)\(scaled / 1000).\(String(repeating: "0", count: 3 - fraction.count))\(fraction)"
}

/// Percentile bootstrap over items.
///
/// Efron and Tibshirani, "An Introduction to the Bootstrap" (1993), chapter 13: resample items with replacement,
/// recompute the metric, take the 2.5th and 97.5th percentiles.
public struct Bootstrap: Sendable {
    /// Number of resamples.
    public var resampleCount: Int
    /// Seed of the resampling; the same seed and items give the same interval to the last bit.
    public var seed: UInt64

    /// A bootstrap of `resampleCount` resamples from `seed`.
    public init(resampleCount: Int = 2000, seed: UInt64 = 0) {
        self.resampleCount = resampleCount
        self.seed = seed
    }

    /// The estimate of `metric` over `observations`.
    ///
    /// With no observations value and bounds are not-a-number and the count is 0.
    /// - Complexity: `resampleCount` evaluations of the metric.
    public func estimate<M: Metric>(_ metric: M, _ observations: [M.Observation]) -> Estimate {
        estimate(observations) { metric.value($0) }
    }

    /// The estimate of the difference of `metric` between two series of observations of the same items, first minus second.
    ///
    /// Paired: a resample takes the same items from both, so that what makes an item hard for either cancels.
    /// - Precondition: both series are equally long, item by item.
    public func difference<M: Metric>(
        _ metric: M, _ first: [M.Observation], _ second: [M.Observation]
    ) -> Estimate {
        precondition(first.count == second.count, "\(first.count) and \(second.count) observations are no pairs")
        return estimate(Array(zip(first, second))) { pairs in
            metric.value(pairs.map(\.0)) - metric.value(pairs.map(\.1))
        }
    }

    private func estimate<Observation>(_ observations: [Observation], _ value: ([Observation]) -> Double) -> Estimate {
        let count = observations.count
        guard count > 0, resampleCount > 0 else {
            let value = count > 0 ? value(observations) : Double.nan
            return Estimate(value: value, lower: value, upper: value, itemCount: count)
        }
        var random = SplitMix64(seed: seed, name: "bootstrap")
        var resample = observations
        var values = [Double]()
        values.reserveCapacity(resampleCount)
        for _ in 0..<resampleCount {
            for index in 0..<count { resample[index] = observations[random.next(below: count)] }
            values.append(value(resample))
        }
        values.sort()
        return Estimate(
            value: value(observations), lower: Self.percentile(0.025, of: values),
            upper: Self.percentile(0.975, of: values), itemCount: count)
    }

    /// The `fraction` quantile of sorted values, linear between neighbours.
    package static func percentile(_ fraction: Double, of sorted: [Double]) -> Double {
        let place = fraction * Double(sorted.count - 1)
        let below = Int(place)
        let above = min(below + 1, sorted.count - 1)
        let weight = place - Double(below)
        return sorted[below] * (1 - weight) + sorted[above] * weight
    }
}
