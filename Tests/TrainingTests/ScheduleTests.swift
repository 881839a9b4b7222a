import Testing
import Training

@Suite("Schedules and the learning-rate law")
struct ScheduleTests {
    @Test("Warm-up rises linearly from zero and reaches the peak at its last step")
    func warmUp() {
        let schedule = Schedule(warmupSteps: 4, decay: .constant)
        let factors = (0..<6).map { schedule.factor(step: $0, of: 100, progress: Double($0) / 100) }
        #expect(factors == [0.25, 0.5, 0.75, 1, 1, 1])
    }

    @Test("The cosine runs over the steps after the warm-up and ends at a tenth of the peak")
    func cosine() {
        let schedule = Schedule(warmupSteps: 2000, decay: .cosine(finalFraction: 0.1))
        func factor(_ step: Int) -> Double {
            schedule.factor(step: step, of: 200_000, progress: Double(step) / 200_000)
        }
        #expect(factor(2000) == 1)
        #expect(abs(factor(101_000) - 0.55) < 1e-12, "half way between 2,000 and 200,000")
        #expect(abs(factor(200_000) - 0.1) < 1e-12)
        #expect(factor(150_000) < factor(149_999))
    }

    @Test("A run limited by time follows the same curve by its share of the time")
    func timeLimited() {
        let schedule = Schedule(warmupFraction: 0.1, decay: .cosine(finalFraction: 0))
        let limit = RunLimit(steps: nil, maximumSeconds: 100)
        #expect(!limit.isReproducible)
        #expect(limit.progress(step: 7, seconds: 55) == 0.55)
        #expect(schedule.factor(step: 0, of: nil, progress: 0) > 0)
        #expect(abs(schedule.factor(step: 9, of: nil, progress: 0.05) - 0.5) < 1e-12)
        #expect(abs(schedule.factor(step: 9, of: nil, progress: 0.55) - 0.5) < 1e-12)
        #expect(schedule.factor(step: 9, of: nil, progress: 1) == 0)
        #expect(RunLimit(steps: 10, maximumSeconds: 100).isReached(step: 10, seconds: 1))
        #expect(RunLimit(steps: 10, maximumSeconds: 100).isReached(step: 1, seconds: 100))
    }

    @Test("A constant rate without warm-up is the peak throughout")
    func constant() {
        let schedule = Schedule(warmupSteps: 0, decay: .constant)
        #expect((0..<5).allSatisfy { schedule.factor(step: $0, of: 5, progress: Double($0) / 5) == 1 })
    }

    @Test("Values out of range are refused by name")
    func validation() {
        #expect(throws: ConfigError.self) { try Schedule(warmupSteps: -1).validate(at: "schedule") }
        #expect(throws: ConfigError.self) { try Schedule(decay: .cosine(finalFraction: 1.5)).validate(at: "schedule") }
    }

    // The rates of the formula at the sizes of its grid and its published use (arXiv 2403.09611, section 3.3).
    @Test(
        "The law gives the published peak rates",
        arguments: [
            (9_000_000, 6.747e-4), (85_000_000, 2.619e-4), (302_000_000, 1.535e-4), (1_200_000_000, 8.58e-5),
            (2_900_000_000, 5.92e-5), (6_400_000_000, 4.24e-5), (30_000_000_000, 2.21e-5),
        ])
    func law(parameterCount: Int, expected: Double) {
        let rate = LearningRateLaw().peakLearningRate(nonEmbeddingParameterCount: parameterCount)
        #expect(abs(rate / expected - 1) < 2.5e-3)
    }
}
