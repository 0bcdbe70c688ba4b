"""The GraphQL door: types, queries and mutations, one room for each noun."""
