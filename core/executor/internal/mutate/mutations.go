package main

// A mutation breaks one rule.
type mutation struct {
	rule     string
	file     string
	old, new string
	test     string // that must fail
	in       string // the test's package, if it is not the file's
}

const executorPkg = "./core/executor"

var mutations = []mutation{
	// Rates
	{rule: "a configured rate is kept", file: "core/limiter/bucket.go",
		old:  "return bucket{rate.NewLimiter(rate.Limit(perSecond), burst), rate.NewLimiter(rate.Limit(perSecond*guard), burst+1)}",
		new:  "return bucket{rate.NewLimiter(rate.Limit(2*perSecond), burst), rate.NewLimiter(rate.Limit(2*perSecond*guard), burst+1)}",
		test: "TestConfiguredRate", in: executorPkg},
	{rule: "a late send does not let the next one come early", file: "core/limiter/bucket.go",
		old: "return bucket{rate.NewLimiter(rate.Limit(perSecond), burst), rate", new: "return bucket{rate.NewLimiter(rate.Limit(perSecond), burst+1), rate", test: "TestPromise"},
	{rule: "no more calls at once than there are slots", file: "core/executor/executor.go",
		old: "slots:  cfg.MaxConcurrent,", new: "slots:  cfg.MaxConcurrent + 1,", test: "TestConcurrencyIsWhatIsAskedFor"},
	{rule: "an undelivered result holds its slot", file: "core/executor/crew.go",
		old: "len(e.flying)+e.undelivered >= e.slots", new: "len(e.flying) >= e.slots", test: "TestUndeliveredResultsHoldTheirSlots"},
	{rule: "a provider's own concurrency is kept", file: "core/executor/lane.go",
		old: "l.Limits.MaxConcurrent > 0 && l.flying >=", new: "l.Limits.MaxConcurrent < 0 && l.flying >=", test: "TestProvidersOwnConcurrency"},
	{rule: "the input is read within a window", file: "core/executor/feed.go",
		old: "r.held >= r.window", new: "r.held >= 100*r.window", test: "TestInputIsReadWithinAWindow"},
	{rule: "tokens that were reserved for nothing come back", file: "core/limiter/limiter.go",
		old: "used = Need{}\n", new: "used = pass.need\n", test: "TestRefusedTokensComeBack"},
	{rule: "a query that can never fit is an error", file: "core/limiter/limiter.go",
		old: "limit > 0 && n > limit", new: "limit > 0 && n > 100*limit", test: "TestQueryThatNeverFits"},

	{rule: "a query fits by the limit and not by what is left of it", file: "core/limiter/limiter.go",
		old: "l.tokens[i].largest(); limit", new: "l.tokens[i].perMinute; limit", test: "TestAQueryFitsByTheLimitAndNotByWhatIsLeft"},
	{rule: "what headers say of tokens holds at a fixed rate", file: "core/limiter/limiter.go",
		old: "	l.listen(now, out.RateLimit)\n", new: "	if l.adaptive != nil {\n		l.listen(now, out.RateLimit)\n	}\n", test: "TestTokenHeadersHoldAtAFixedRate"},
	{rule: "a configured limit of tokens is never raised", file: "core/limiter/ledger.go",
		old: "g.perMinute = min(g.perMinute, g.most)", new: "g.perMinute = max(g.perMinute, g.most)", test: "TestTokenHeadersHoldAtAFixedRate"},
	{rule: "prompt and completion are counted apart", file: "core/limiter/adapt.go", old: "l.meters[3].read(now, told.OutputTokens)", new: "l.meters[3].read(now, told.InputTokens)",
		test: "TestPromptAndCompletionTokensAreCountedApart"},
	{rule: "local lanes have no rate of their own", file: "core/executor/lane.go", old: "case c.AutoRate, !l.Local && declared == 0:", new: "case c.AutoRate, declared == 0:",
		test: "TestRateByRule"},

	// The adaptive rate
	{rule: "a limit for a moment is not taken for a minute's", file: "core/limiter/meter.go", old: "	if m.momentary() {", new: "	if m.momentary() && m.longest < 0 {", test: "TestALimitForAMoment"},
	{rule: "headers are a ceiling", file: "core/limiter/meter.go", old: "headroom = 0.97", new: "headroom = 1.1", test: "TestSimulation"},
	{rule: "a refusal cuts the rate", file: "core/limiter/controller.go", old: "cut = 0.93", new: "cut = 1.00", test: "TestSimulation"},
	{rule: "an overload pauses and never cuts", file: "core/limiter/limiter.go",
		old: "l.adaptive.paused = now.Add(growthPause)", new: "l.adaptive.refused(now, pass.at, pass.rate, 0)", test: "TestOverloadNeverCuts"},
	{rule: "Retry-After closes the lane", file: "core/limiter/gate.go",
		old: "now.Add(*retryAfter)", new: "now.Add(0 * *retryAfter)", test: "TestRetryAfterClosesTheLane"},
	{rule: "one probe at a time", file: "core/limiter/gate.go", old: "if g.probing && g.out {", new: "if g.probing && !g.probing {", test: "TestProbes"},
	{rule: "the answer to a probe is not waited for", file: "core/limiter/gate.go", old: "max(leastPatience, ", new: "max(time.Hour, ", test: "TestProbeThatIsNotRefusedOpensTheLane"},
	{rule: "slow refusals are waited for", file: "core/limiter/gate.go", old: "patience*g.slowest", new: "0*g.slowest", test: "TestProbeThatIsNotRefusedOpensTheLane"},
	{rule: "a probe of before opens nothing", file: "core/limiter/gate.go", old: "p.probe && p.at.Equal(g.sent)", new: "p.probe", test: "TestLateProbeLeavesTheNextAlone"},
	{rule: "one failure holds nobody up", file: "core/limiter/trouble.go", old: "t > seriousPart", new: "t > seriousPart/100", test: "TestOneFailureHoldsNobodyUp"},
	{rule: "one failure does not slow the search for slots", file: "core/executor/concurrency.go",
		old: " && t.lane.limiter.InTrouble()", new: "", test: "TestSporadicFailuresHoldNobodyUp"},
	{rule: "a share leaves the rest to others", file: "core/limiter/adapt.go",
		old: "told := l.meters[0].rate(now) * l.share", new: "told := l.meters[0].rate(now)", test: "TestShareLeavesTheRestToOthers"},

	{rule: "a share of what is declared is left too", file: "core/executor/lane.go", old: "declared := share * l", new: "declared := 1 * l", test: "TestShareOfDeclaredLimits"},

	// Retries
	{rule: "what may have been paid for is sent again max_retries times", file: "core/retry/rule.go", old: "Rule{Retries: maxRetries, ", new: "Rule{Retries: maxRetries - 1, ",
		test: "TestMaxRetries"},
	{rule: "paid retries of all kinds are bounded together", file: "core/retry/judge.go", old: "rule.Paid && int(rec.paid) > p.MaxRetries", new: "rule.Paid && int(rec.paid) > 9*p.MaxRetries",
		test: "TestPaidRetriesAreBoundedTogether"},
	{rule: "what was never sent is tried five times", file: "core/retry/rule.go", old: "maxUnreachable = 5", new: "maxUnreachable = 6", test: "TestHowOftenEachKindIsSent"},
	{rule: "a query that breaks every call does not go from key to key", file: "core/executor/settle.go", old: "if !rule.OtherKey {", new: "if !rule.OtherKey && t.stop < 0 {",
		test: "TestPoisonedQueryDoesNotGoFromKeyToKey"},
	{rule: "no call without its record", file: "core/executor/attempt.go", old: "out.broken, out.unsent = err, true", new: "out.broken = err",
		test: "TestNothingIsSentThatCannotBeRecorded"},
	{rule: "a query that has its answer is not asked", file: "core/executor/feed.go", old: "case a.skip:", new: "case a.skip && t.index < 0:", test: "TestRecorderSkips"},
	{rule: "a run ends when no lane is left", file: "core/executor/stop.go", old: "if len(stopped) < len(e.cfg.Lanes) {", new: "if len(stopped) > 0 {", test: "TestRunEndsWhenNoLaneIsLeft"},
	{rule: "a run goes on while a lane is left", file: "core/executor/stop.go", old: "if len(stopped) < len(e.cfg.Lanes) {", new: "if len(stopped) < 1 {", test: "TestRunGoesOnWhileALaneIsLeft"},
	{rule: "a retry keeps its place in the order of arrival", file: "core/executor/queue.go", old: "if t.attempts > 0 { // it", new: "if t.attempts < 0 { // it", test: "TestRetryKeepsItsPlace"},
	{rule: "without retries nothing is sent twice", file: "core/retry/judge.go", old: "case !p.RetryFailed,", new: "case false,",
		test: "TestWithoutRetriesNothingIsSentTwice", in: executorPkg},
	{rule: "a wrong key stops the lane", file: "core/retry/rule.go", old: "StopsLane: true, FallsBack: true", new: "FallsBack: true",
		test: "TestWrongKeyIsCalledOnce", in: executorPkg},
	{rule: "permanent failures are not retried", file: "core/retry/rule.go", old: "	return Rule{}\n", new: "	return Rule{Retries: 2}\n",
		test: "TestPermanentFailuresAreNotRetried", in: executorPkg},
	{rule: "the backoff doubles up to its cap", file: "core/retry/backoff.go", old: "base<<min(n-1, doublings)", new: "base*time.Duration(n)", test: "TestBackoff"},
	{rule: "the backoff has full jitter", file: "core/retry/backoff.go",
		old: "rand.Int64N(int64(Ceiling(n)) + 1)", new: "rand.Int64N(1) + int64(Ceiling(n))", test: "TestRetriesAreSpread", in: executorPkg},
	{rule: "Retry-After is a floor", file: "core/retry/judge.go", old: "*err.RetryAfter > wait", new: "*err.RetryAfter < wait", test: "TestRetryAfterIsAFloor"},
	{rule: "the retry budget ends retries in an outage", file: "core/retry/budget.go", old: "return b.spent < budgetMax/2", new: "return true",
		test: "TestBudgetEndsRetriesInAnOutage"},
	{rule: "x-should-retry: false wins", file: "core/retry/judge.go", old: "err.ShouldRetry != nil && !*err.ShouldRetry,", new: "false,", test: "TestHowOftenEachKindIsSent"},
	{rule: "a query ends at its deadline", file: "core/executor/place.go", old: "at.Sub(t.started) > e.cfg.QueryTimeout", new: "at.Sub(t.started) > 100*e.cfg.QueryTimeout",
		test: "TestQueryTimeout"},
	{rule: "a sleeping retry holds no slot", file: "core/executor/lane.go", old: "if t.notBefore.After(now) {", new: "if t.notBefore.After(now.Add(time.Hour)) {",
		test: "TestSleepingRetryHoldsNoSlot"},
	{rule: "execution time covers all attempts", file: "core/executor/settle.go", old: "time.Since(t.started)", new: "time.Since(t.pass.Sent())", test: "TestExecutionTimeCoversAllAttempts"},
	{rule: "what may have been paid for is marked", file: "core/executor/settle.go", old: "t.billed = true", new: "t.billed = false", test: "TestPossiblyBilled"},
	{rule: "a lane that is down is left alone", file: "core/route/breaker.go", old: "c.ConsecutiveFailures >= tripAfter", new: "c.ConsecutiveFailures >= 1<<30",
		test: "TestOutages", in: executorPkg},
	{rule: "a lane that is down is probed", file: "core/executor/lane.go", old: "l.load() == 0)", new: "l.load() < 0)", test: "TestDownLaneIsPassedOver"},
	{rule: "a dead address is given up", file: "core/route/breaker.go", old: "!b.answered && b.probes >= tripAfter-1", new: "!b.answered && b.probes >= 1<<30",
		test: "TestDeadAddressEndsSoon", in: executorPkg},
	{rule: "failures of one kind end a run", file: "core/executor/streak.go", old: "most == 0 || s.n < most", new: "most >= 0 || s.n < most", test: "TestAbortAfter"},

	// Routes
	{rule: "a forced provider never falls back", file: "core/route/route.go", old: `if q.Provider != "" {`, new: `if q.Provider == "no one" {`,
		test: "TestForcedProviderNeverFallsBack", in: executorPkg},
	{rule: "no lane is tried again after it failed", file: "core/executor/place.go", old: "if t.visited.Has(i) {", new: "if t.visited.Has(i) && i < 0 {", test: "TestFailingLanesDoNotBounce"},
	{rule: "without a table nothing leaves the first lane", file: "core/route/route.go",
		old: "r.any = Path{Stops: [][]int{groups[lanes[0].Group()]}}", new: "r.any = Path{Stops: [][]int{groups[lanes[0].Group()], groups[lanes[len(lanes)-1].Group()]}}",
		test: "TestOnlyTheConfigurationLeadsFromLocalToRemote", in: executorPkg},
	{rule: "an answer from a fallback is marked", file: "core/executor/settle.go", old: "resp != nil && t.stop > 0", new: "resp != nil && t.stop > 9", test: "TestFallbackIsMarked"},
	{rule: "a long pause sends queries elsewhere", file: "core/executor/lane.go", old: "now.Add(parkAfter)", new: "now.Add(1000*parkAfter)", test: "TestLongRetryAfterParksTheLane"},
	{rule: "what was not sent did not time out", file: "core/executor/place.go", old: "case sdk.InDoubt, sdk.DeadlineExceeded, sdk.Canceled:", new: "case sdk.Canceled:", test: "TestWhatWaitsForASilentServerFails"},
	{rule: "keys share the load", file: "core/executor/place.go", old: "l.load() < best.load()", new: "l.load() < 0*best.load()", test: "TestKeysShareTheLoad"},

	// Priority
	{rule: "urgent queries go first", file: "core/executor/queue.go", old: "return h[i].query.Priority > h[j].query.Priority", new: "return h[i].query.Priority < h[j].query.Priority",
		test: "TestUrgentQueryIsTheNextOneSent"},
	{rule: "urgent queries starve nobody", file: "core/executor/queue.go", old: "q.overtaken >= agedTurns &&", new: "q.overtaken < 0 &&", test: "TestUrgentOnesStarveNobody"},
	{rule: "urgent queries go first between lanes", file: "core/executor/pick.go", old: "return mine > others", new: "return mine < others",
		test: "TestPriorityHoldsBetweenLanes"},

	{rule: "urgent queries of one lane do not starve another", file: "core/executor/pick.go", old: "return l.passedOver >= agedTurns &&", new: "return l.passedOver < 0 &&",
		test: "TestUrgentOnesOfAnotherLaneStarveNobody"},

	// Money
	{rule: "a free lane needs no bound under a cap of money", file: "core/executor/pick.go", old: "if !e.budget.Capped() || l.Free && !e.budget.CapsTokens() {", new: "if !e.budget.Capped() {",
		test: "TestQueriesThatABudgetCannotHold"},
	{rule: "what vendors add for tools is counted", file: "core/price/bound.go", old: "prompt += toolTokens", new: "prompt += 0 * toolTokens", test: "TestBoundOfAQuery"},
	{rule: "tokens of a call that a crash cut off count", file: "core/journal/ledger.go", old: "l.totals.Tokens += o.tokens", new: "l.totals.Tokens += 0 * o.tokens", test: "TestTokensCountAcrossCrashes"},
	{rule: "a forecast does not learn from the run", file: "core/executor/forecast.go", old: "need := load.sizes.estimate(", new: "need := l.sizes.estimate(", test: "TestPredictionStandsBesideTheOutcome"},
	{rule: "spent and held never exceed the budget", file: "core/price/budget.go", old: "case b.over(b.spent.plus(b.held).plus(h)):", new: "case b.over(b.held.plus(h)):",
		test: "TestBudgetIsNeverExceeded"},
	{rule: "what may have been paid for stays reserved in the budget", file: "core/executor/money.go", old: "used := t.hold\n", new: "used := price.Hold{}\n", test: "TestBudgetHolds"},
	{rule: "the budget's bound is a token for each byte", file: "core/price/bound.go", old: "prompt := int64(q.PromptBytes())", new: "prompt := int64(q.PromptBytes()) / 4", test: "TestBoundOfAQuery"},
	{rule: "an unknown price is refused under a budget", file: "core/executor/pick.go", old: "!l.priced && e.budget.CapsCost()", new: "l.priced && !e.budget.CapsCost()",
		test: "TestQueriesThatABudgetCannotHold"},
	{rule: "an unknown cost is not zero", file: "core/executor/money.go", old: "if p, ok := e.priceOf(l, served); ok {", new: "if p, ok := e.priceOf(l, served); ok || true {", test: "TestCosts"},
	{rule: "what a call told before it was lost is no measure of it", file: "core/executor/money.go", old: "case sdk.InDoubt, sdk.Internal, sdk.Canceled, sdk.DeadlineExceeded:", new: "case sdk.Canceled:",
		test: "TestBudgetHolds"},
	{rule: "cached tokens have their own price", file: "core/price/price.go", old: "prompt-u.CachedTokens-u.CacheWriteTokens", new: "prompt", test: "TestBuiltInPrices"},
	{rule: "long prompts have their own price", file: "core/price/price.go", old: "		if prompt > t.Above {\n			p = t.PerToken\n", new: "		if prompt < t.Above {\n			p = t.PerToken\n", test: "TestBuiltInPrices"},

	// Failures of others
	{rule: "a provider that panics fails one query", file: "core/executor/attempt.go", old: "		if r := recover(); r != nil {\n			resp, err", new: "		if r := any(nil); r != nil {\n			resp, err",
		test: "TestProviderPanicFailsThatQueryAlone"},
	{rule: "a callback that panics fails one query", file: "core/executor/deliver.go", old: "if p := recover(); p != nil {", new: "if p := any(nil); p != nil {",
		test: "TestCallbackPanicFailsThatQueryAlone"},
	{rule: "a lane that only refuses is passed over", file: "core/executor/lane.go", old: "now.Sub(r.since) > patience", new: "now.Sub(r.since) > 100*patience", test: "TestLaneThatOnlyRefusesIsPassedOver"},
	{rule: "a rate limit is no reason to fall back", file: "core/executor/lane.go", old: "		*r = refusals{}\n", new: "		r.since = r.since.Add(0)\n", test: "TestRateLimitsAreNoReasonToFallBack"},
	{rule: "a query falls back before it is too late", file: "core/executor/place.go", old: "t.attempts == 0 || !e.overdue(", new: "t.attempts >= 0 || !e.overdue(", test: "TestFallsBackBeforeItIsTooLate"},
	{rule: "a reply cut short is no success", file: "core/executor/attempt.go", old: "case sdk.Length:", new: `case "no such reason":`, test: "TestUnfinishedRepliesAreErrorsThatKeepTheText"},
	{rule: "an invalid query is not sent", file: "core/executor/feed.go", old: "	if a.wrong != nil {", new: "	if a.wrong != nil && t.index < 0 {", test: "TestItemErrorsAreResults"},
	{rule: "a deaf provider does not keep its query from an end", file: "core/executor/crew.go", old: "e.abandon(t, e.expired(t, nil))", new: "t.worker.cancel()",
		test: "TestQueryTimeoutDoesNotWaitForADeafProvider"},
	{rule: "a deaf provider does not hold up the end", file: "core/executor/run.go", old: "t.run == r && !t.ended", new: "t.run == r && t.ended", test: "TestCancelDoesNotWaitForADeafProvider"},
}
